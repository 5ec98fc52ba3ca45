const TABLE_BITS = 8
const TABLES = 1 << TABLE_BITS
const EMPTY = 0
const FIRST_SLOTS = 8

/**
 * Finds rows by the hash of their key: open addressing with linear probing, four bytes a slot. It is cut into 256 tables
 * that grow on their own, so that growing never holds the event loop, at a million rows either.
 */
export class RowIndex {
  readonly #tables: Int32Array[] = []
  readonly #counts = new Int32Array(TABLES)
  readonly #hashOf: (row: number) => number

  /** @param hashOf the hash of a row that is in the index; asked when a table grows or a row leaves */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf
    for (let table = 0; table < TABLES; table++) this.#tables.push(new Int32Array(FIRST_SLOTS))
  }

  /** The row with this hash that `matches`; −1 if there is none. */
  find(hash: number, matches: (row: number) => boolean): number {
    const slots = this.#table(hash)
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? EMPTY
      if (entry === EMPTY) return -1
      if (matches(entry - 1)) return entry - 1
    }
  }

  /** The row must not be in the index. */
  add(hash: number, row: number): void {
    const number = hash >>> (32 - TABLE_BITS)
    let slots = this.#table(hash)
    const count = (this.#counts[number] ?? 0) + 1
    this.#counts[number] = count
    if (count * 2 > slots.length) {
      slots = this.#grown(slots)
      this.#tables[number] = slots
    }
    place(slots, hash, row)
  }

  /** The row must be in the index under this hash. Rows behind it close up, so that no probe ends too early. */
  remove(hash: number, row: number): void {
    const slots = this.#table(hash)
    const mask = slots.length - 1
    let hole = hash & mask
    while (slots[hole] !== row + 1) hole = (hole + 1) & mask
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? EMPTY
      if (entry === EMPTY) break
      const wanted = this.#hashOf(entry - 1) & mask
      if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue
      slots[hole] = entry
      hole = slot
    }
    slots[hole] = EMPTY
    const number = hash >>> (32 - TABLE_BITS)
    this.#counts[number] = (this.#counts[number] ?? 0) - 1
  }

  #table(hash: number): Int32Array {
    // The table comes from the upper bits, the slot from the lower ones.
    return this.#tables[hash >>> (32 - TABLE_BITS)]!
  }

  #grown(slots: Int32Array): Int32Array {
    const grown = new Int32Array(slots.length * 2)
    for (const entry of slots) if (entry !== EMPTY) place(grown, this.#hashOf(entry - 1), entry - 1)
    return grown
  }
}

function place(slots: Int32Array, hash: number, row: number): void {
  const mask = slots.length - 1
  let slot = hash & mask
  while (slots[slot] !== EMPTY) slot = (slot + 1) & mask
  slots[slot] = row + 1
}

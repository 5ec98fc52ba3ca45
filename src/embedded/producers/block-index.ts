import { NO_BLOCK } from './block-pool.ts'

const CAPACITY_FIRST = 1024
const FULL_SHARE = 0.7

/** Finds blocks by their hash: open addressing, four bytes a place. */
export class BlockIndex {
  readonly #hashOf: (block: number) => number
  #places = new Uint32Array(CAPACITY_FIRST)
  #count = 0

  /** @param hashOf of a block that is in the index: 32 bits */
  constructor(hashOf: (block: number) => number) {
    this.#hashOf = hashOf
  }

  get sizeBytes(): number {
    return this.#places.byteLength
  }

  find(hash: number, matches: (block: number) => boolean): number {
    const mask = this.#places.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const block = this.#places[place]!
      if (block === NO_BLOCK || matches(block)) return block
    }
  }

  /** One that is not in it. */
  add(block: number): void {
    if (this.#count + 1 > this.#places.length * FULL_SHARE) this.#grow()
    this.#put(block)
    this.#count++
  }

  #put(block: number): void {
    const mask = this.#places.length - 1
    let place = this.#hashOf(block) & mask
    while (this.#places[place] !== NO_BLOCK) place = (place + 1) & mask
    this.#places[place] = block
  }

  /** One that is in it. Those behind it move up, so that no search ends too early. */
  remove(block: number): void {
    const mask = this.#places.length - 1
    let hole = this.#hashOf(block) & mask
    while (this.#places[hole] !== block) hole = (hole + 1) & mask
    for (let place = (hole + 1) & mask; ; place = (place + 1) & mask) {
      const other = this.#places[place]!
      if (other === NO_BLOCK) break
      const home = this.#hashOf(other) & mask
      // Whether the hole lies between where it would be and where it is.
      if (((place - home) & mask) < ((place - hole) & mask)) continue
      this.#places[hole] = other
      hole = place
    }
    this.#places[hole] = NO_BLOCK
    this.#count--
  }

  #grow(): void {
    const blocks = this.#places.filter((block) => block !== NO_BLOCK)
    this.#places = new Uint32Array(this.#places.length * 2)
    for (const block of blocks) this.#put(block)
  }
}

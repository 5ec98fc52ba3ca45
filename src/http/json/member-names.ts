import assert from 'node:assert/strict'

const MAX_NAME_BYTES = 31

/** The member names one object of the request may have; finds which one a span of bytes spells, without a string. */
export class MemberNames {
  readonly names: readonly string[]
  readonly #spelled: readonly Buffer[]
  /** Index of the only name of a length and first byte, by `length << 8 | first byte`; −1 = none. */
  readonly #index = new Int8Array((MAX_NAME_BYTES + 1) << 8).fill(-1)

  constructor(names: readonly string[]) {
    this.names = names
    this.#spelled = names.map((name) => Buffer.from(name))
    for (const [index, name] of this.#spelled.entries()) {
      const slot = (name.length << 8) | name[0]!
      assert(name.length <= MAX_NAME_BYTES && this.#index[slot] === -1, `no name like ${names[index]} before`)
      this.#index[slot] = index
    }
  }

  /** The index of the name that bytes [start, end) spell, or −1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length > MAX_NAME_BYTES || length === 0) return -1
    const index = this.#index[(length << 8) | bytes[start]!]!
    if (index < 0) return -1
    const name = this.#spelled[index]!
    for (let i = 1; i < length; i++) if (bytes[start + i] !== name[i]) return -1
    return index
  }

  /** The same for a name that has escapes. */
  findText(name: string): number {
    return this.names.indexOf(name)
  }
}

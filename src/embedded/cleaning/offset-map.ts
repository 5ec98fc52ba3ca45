import { KeyHash } from './key-hash.ts'

/*
 * A slot of the map, six 32-bit words:
 *
 *   0 … 3  hash of the key
 *   4      offset, low word
 *   5      offset, high word + 1; 0 = the slot is empty
 */
const SLOT_WORDS = 6
export const OFFSET_MAP_SLOT_BYTES = SLOT_WORDS * 4

/** The map is cut into tables that grow one by one: a growing one needs its old room and its new. */
const TABLES = 64
const FIRST_SLOTS = 128
/** A table that can still grow does so at this load. */
const GROW_AT = 0.7
const WORD = 0x1_0000_0000

export interface OffsetMapOptions {
  /** 16 random bytes, which nobody else may know. */
  readonly secret: Uint8Array
  /** Room for all slots. */
  readonly maxBytes: number
  /** Share of the slots that may be filled, 0 < share ≤ 1. */
  readonly loadFactor: number
}

/**
 * The last offset of each key, by a hash of the key, in a bounded room. It takes only as much of the room as the keys
 * need.
 */
export class OffsetMap {
  readonly #hash: KeyHash
  readonly #slotsMax: number
  readonly #keysMax: number
  readonly #tables: Int32Array[]
  readonly #keys: Int32Array
  #size = 0
  /** Of the table at hand, a slot's first word. */
  #slotAt = 0

  constructor({ secret, maxBytes, loadFactor }: OffsetMapOptions) {
    this.#hash = new KeyHash(secret)
    this.#slotsMax = Math.max(2, Math.floor(maxBytes / OFFSET_MAP_SLOT_BYTES / TABLES))
    // One slot stays empty: a search ends there.
    this.#keysMax = Math.min(Math.max(1, Math.floor(this.#slotsMax * loadFactor)), this.#slotsMax - 1)
    this.#tables = Array.from({ length: TABLES }, () => emptyTable(Math.min(FIRST_SLOTS, this.#slotsMax)))
    this.#keys = new Int32Array(TABLES)
  }

  /** Keys in it. */
  get size(): number {
    return this.#size
  }

  /** @returns false where there is no room for one more key; the map is as before then */
  put(bytes: Uint8Array, keyStart: number, keyEnd: number, offset: number): boolean {
    const hash = this.#hash
    hash.hash(bytes, keyStart, keyEnd)
    const number = hash.h0 & (TABLES - 1)
    let table = this.#tables[number]!
    if (!this.#find(table)) {
      const keys = this.#keys[number]!
      const slots = table.length / SLOT_WORDS
      if (keys >= this.#keysMax) return false
      if (keys >= slots * GROW_AT && slots < this.#slotsMax) {
        table = grown(table, Math.min(slots * 2, this.#slotsMax))
        this.#tables[number] = table
        this.#find(table)
      }
      this.#keys[number] = keys + 1
      this.#size++
      this.#take(table)
    }
    table[this.#slotAt + 4] = offset | 0
    table[this.#slotAt + 5] = Math.floor(offset / WORD) + 1
    return true
  }

  /** The last offset that was put for the key; −1 = none. */
  get(bytes: Uint8Array, keyStart: number, keyEnd: number): number {
    this.#hash.hash(bytes, keyStart, keyEnd)
    const table = this.#tables[this.#hash.h0 & (TABLES - 1)]!
    if (!this.#find(table)) return -1
    return (table[this.#slotAt + 5]! - 1) * WORD + (table[this.#slotAt + 4]! >>> 0)
  }

  /** Looks the hash up: false, and the empty slot where it belongs, if it is not there. */
  #find(table: Int32Array): boolean {
    const { h0, h1, h2, h3 } = this.#hash
    let at = firstSlot(h1, table)
    while (table[at + 5] !== 0) {
      if (table[at] === h0 && table[at + 1] === h1 && table[at + 2] === h2 && table[at + 3] === h3) {
        this.#slotAt = at
        return true
      }
      at += SLOT_WORDS
      if (at === table.length) at = 0
    }
    this.#slotAt = at
    return false
  }

  #take(table: Int32Array): void {
    const at = this.#slotAt
    table[at] = this.#hash.h0
    table[at + 1] = this.#hash.h1
    table[at + 2] = this.#hash.h2
    table[at + 3] = this.#hash.h3
  }
}

function emptyTable(slots: number): Int32Array {
  return new Int32Array(slots * SLOT_WORDS)
}

function firstSlot(h1: number, table: Int32Array): number {
  const slots = table.length / SLOT_WORDS
  return Math.floor(((h1 >>> 0) / WORD) * slots) * SLOT_WORDS
}

function grown(table: Int32Array, slots: number): Int32Array {
  const larger = emptyTable(slots)
  for (let from = 0; from < table.length; from += SLOT_WORDS) {
    if (table[from + 5] === 0) continue
    let at = firstSlot(table[from + 1]!, larger)
    while (larger[at + 5] !== 0) {
      at += SLOT_WORDS
      if (at === larger.length) at = 0
    }
    for (let word = 0; word < SLOT_WORDS; word++) larger[at + word] = table[from + word]!
  }
  return larger
}

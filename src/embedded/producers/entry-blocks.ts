import { IDENTITY_HASH_BYTES, type ProducerKey } from './request-facts.ts'
import { NO_BLOCK, type BlockPool } from './block-pool.ts'
import { REQUESTS_REMEMBERED } from '../../broker/known-producer.ts'

/*
 * A producer or a key, in one block behind `next` and `tag`. Those of 32 bits are in the machine's byte order, others
 * little-endian.
 *
 *    5  state          uint8   + 128 if the newest request is complete; producer: how many are remembered
 *    6  epoch          uint16  producer
 *    8  topic          uint32  its number
 *   12  identityHash   16 bytes
 *   28  bornMs         uint48
 *   34  arrivedMs      uint48  of the newest request
 *
 *   producer:  40 lastSequence float64; 48 five uint32: first payload blocks of its requests, the newest first;
 *              68 four uint8: by how much the sequences of all but the newest are below it
 *   key:       40 the beginning of its request, 32 bytes; what does not fit is in the chain at `next`
 */
export const PRODUCER_TAG = 1
export const KEY_TAG = 2
export const KEY_INLINE_BYTES = 32
const COMPLETE = 0x80
const TOPIC_AT = 8
const IDENTITY_AT = 12
const INLINE_AT = 40
const SLOTS_AT = 48
const DELTAS_AT = 68
/** Sequences of one producer differ by less than this, or the older is dropped: only damage leaves gaps. */
const DELTA_MAX = 255

/** The fields of the blocks that stand for producers and keys. */
export class EntryBlocks {
  readonly #pool: BlockPool

  constructor(pool: BlockPool) {
    this.#pool = pool
  }

  create(kind: ProducerKey['kind'], topic: number, identityHash: Buffer): number {
    const block = this.#pool.allocate(kind === 'key' ? KEY_TAG : PRODUCER_TAG)
    const chunk = this.#pool.chunk(block)
    const at = this.#pool.at(block)
    this.#pool.setWord(block, TOPIC_AT, topic)
    chunk.set(identityHash, at + IDENTITY_AT)
    return block
  }

  matches(block: number, kind: ProducerKey['kind'], topic: number, identityHash: Buffer): boolean {
    if (this.kind(block) !== kind || this.topic(block) !== topic) return false
    const chunk = this.#pool.chunk(block)
    const at = this.#pool.at(block) + IDENTITY_AT
    for (let byte = 0; byte < IDENTITY_HASH_BYTES; byte++) if (chunk[at + byte] !== identityHash[byte]) return false
    return true
  }

  kind(block: number): ProducerKey['kind'] {
    return this.#pool.tag(block) === KEY_TAG ? 'key' : 'sequence'
  }

  topic(block: number): number {
    return this.#pool.word(block, TOPIC_AT)
  }

  /** A copy. */
  identityHash(block: number): Buffer {
    const at = this.#pool.at(block)
    return Buffer.from(this.#pool.chunk(block).subarray(at + IDENTITY_AT, at + IDENTITY_AT + IDENTITY_HASH_BYTES))
  }

  hash(block: number): number {
    const at = this.#pool.at(block)
    return hashOf(this.#pool.chunk(block).readUInt32LE(at + IDENTITY_AT), this.topic(block))
  }

  epoch(block: number): number {
    return this.#pool.chunk(block).readUInt16LE(this.#pool.at(block) + 6)
  }

  bornMs(block: number): number {
    return this.#pool.chunk(block).readUIntLE(this.#pool.at(block) + 28, 6)
  }

  /** Begins a life, or an epoch: no request is remembered. The caller has freed their payloads. */
  begin(block: number, bornMs: number, epoch: number): void {
    const chunk = this.#pool.chunk(block)
    const at = this.#pool.at(block)
    chunk[at + 5] = 0
    chunk.writeUInt16LE(epoch, at + 6)
    chunk.writeUIntLE(bornMs, at + 28, 6)
  }

  arrivedMs(block: number): number {
    return this.#pool.chunk(block).readUIntLE(this.#pool.at(block) + 34, 6)
  }

  setArrivedMs(block: number, arrivedMs: number): void {
    this.#pool.chunk(block).writeUIntLE(arrivedMs, this.#pool.at(block) + 34, 6)
  }

  /** Where the request of a key begins. */
  inline(block: number): Buffer {
    const at = this.#pool.at(block) + INLINE_AT
    return this.#pool.chunk(block).subarray(at, at + KEY_INLINE_BYTES)
  }

  count(block: number): number {
    return this.#pool.chunk(block)[this.#pool.at(block) + 5]! & ~COMPLETE
  }

  lastSequence(block: number): number {
    return this.#pool.chunk(block).readDoubleLE(this.#pool.at(block) + 40)
  }

  lastIsComplete(block: number): boolean {
    return (this.#pool.chunk(block)[this.#pool.at(block) + 5]! & COMPLETE) !== 0
  }

  setLastIsComplete(block: number, complete: boolean): void {
    this.#pool.chunk(block)[this.#pool.at(block) + 5] = this.count(block) | (complete ? COMPLETE : 0)
  }

  sequenceAt(block: number, slot: number): number {
    return this.lastSequence(block) - this.#delta(block, slot)
  }

  payloadAt(block: number, slot: number): number {
    return this.#pool.word(block, SLOTS_AT + slot * 4)
  }

  setPayloadAt(block: number, slot: number, payload: number): void {
    this.#pool.setWord(block, SLOTS_AT + slot * 4, payload)
  }

  /** The slot of a request; −1 where it is not remembered. */
  slotOf(block: number, sequence: number): number {
    for (let slot = this.count(block) - 1; slot >= 0; slot--) {
      if (this.sequenceAt(block, slot) === sequence) return slot
    }
    return -1
  }

  /**
   * Puts a request that follows the newest one before the others: what almost all do. Returns the payload of the oldest
   * that had to go, or NO_BLOCK; undefined where that is not all there is to do, but `insert`'s business.
   */
  push(block: number, sequence: number, payload: number): number | undefined {
    const count = this.count(block)
    const chunk = this.#pool.chunk(block)
    const deltas = this.#pool.at(block) + DELTAS_AT
    const step = count === 0 ? 0 : sequence - this.lastSequence(block)
    const moved = Math.min(count, REQUESTS_REMEMBERED - 1)
    if (step < 0 || (moved > 0 && step + this.#delta(block, moved - 1) > DELTA_MAX)) return undefined
    const dropped = count === REQUESTS_REMEMBERED ? this.payloadAt(block, count - 1) : NO_BLOCK
    for (let slot = moved; slot > 0; slot--) {
      chunk[deltas + slot - 1] = this.#delta(block, slot - 1) + step
      this.setPayloadAt(block, slot, this.payloadAt(block, slot - 1))
    }
    this.setPayloadAt(block, 0, payload)
    chunk.writeDoubleLE(sequence, this.#pool.at(block) + 40)
    chunk[this.#pool.at(block) + 5] = (moved + 1) | (this.lastIsComplete(block) ? COMPLETE : 0)
    return dropped
  }

  /** By how much the sequence in a slot is below the newest. */
  #delta(block: number, slot: number): number {
    return slot === 0 ? 0 : this.#pool.chunk(block)[this.#pool.at(block) + DELTAS_AT + slot - 1]!
  }

  /** Makes a place for a request that has none; returns the payloads that had to go, and whether it found one itself. */
  insert(
    block: number,
    sequence: number,
    payload: number,
  ): { readonly dropped: readonly number[]; readonly slot: number } {
    const requests = Array.from({ length: this.count(block) }, (_, slot) => ({
      sequence: this.sequenceAt(block, slot),
      payload: this.payloadAt(block, slot),
    }))
    requests.push({ sequence, payload })
    requests.sort((one, other) => other.sequence - one.sequence)
    const newest = requests[0]!.sequence
    const kept = requests.filter(
      (request, slot) => slot < REQUESTS_REMEMBERED && newest - request.sequence <= DELTA_MAX,
    )
    this.#write(block, newest, kept)
    const dropped = requests.slice(kept.length).map((request) => request.payload)
    return { dropped, slot: kept.findIndex((request) => request.payload === payload) }
  }

  #write(
    block: number,
    newest: number,
    requests: readonly { readonly sequence: number; readonly payload: number }[],
  ): void {
    const chunk = this.#pool.chunk(block)
    const at = this.#pool.at(block)
    chunk.writeDoubleLE(newest, at + 40)
    chunk[at + 5] = requests.length | (this.lastIsComplete(block) ? COMPLETE : 0)
    for (let slot = 0; slot < REQUESTS_REMEMBERED; slot++) {
      const request = requests[slot]
      this.setPayloadAt(block, slot, request?.payload ?? NO_BLOCK)
      if (slot > 0) chunk[at + DELTAS_AT + slot - 1] = request ? newest - request.sequence : 0
    }
  }
}

export function hashOf(identityStart: number, topic: number): number {
  return (identityStart ^ Math.imul(topic, 0x9e3779b1)) >>> 0
}

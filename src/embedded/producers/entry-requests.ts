import type { KnownProducer, RememberedRequest } from '../../broker/known-producer.ts'
import { type BlockPool, NO_BLOCK } from './block-pool.ts'
import { type EntryBlocks, KEY_INLINE_BYTES } from './entry-blocks.ts'
import { packedRequestMaxBytes, packRequest, unpackRequest } from './packed-request.ts'
import { PAYLOAD_BYTES, PayloadChains } from './payload-chain.ts'
import { withParts } from './remembered-parts.ts'
import type { RequestFacts } from './request-facts.ts'

/** The requests that an entry remembers, packed: a key's only one, the last few of a producer. */
export class EntryRequests {
  readonly #pool: BlockPool
  readonly #entries: EntryBlocks
  readonly #chains: PayloadChains
  #scratch = Buffer.alloc(1024)

  constructor(pool: BlockPool, entries: EntryBlocks) {
    this.#pool = pool
    this.#entries = entries
    this.#chains = new PayloadChains(pool)
  }

  /** To be used at once: it looks into the memory as it is. */
  known(block: number): KnownProducer {
    const entries = this.#entries
    const bornMs = entries.bornMs(block)
    if (entries.kind(block) === 'key') {
      const request = this.#keyRequest(block)
      return {
        bornMs,
        epoch: 0,
        lastSequence: 0,
        lastIsComplete: request.missing.length === 0,
        request: (sequence) => (sequence === 0 ? request : undefined),
      }
    }
    return {
      bornMs,
      epoch: entries.epoch(block),
      lastSequence: entries.lastSequence(block),
      lastIsComplete: entries.lastIsComplete(block),
      request: (sequence) => {
        const slot = entries.slotOf(block, sequence)
        return slot < 0 ? undefined : this.#slotRequest(block, slot)
      },
    }
  }

  all(block: number): RememberedRequest[] {
    if (this.#entries.kind(block) === 'key') return [this.#keyRequest(block)]
    return Array.from({ length: this.#entries.count(block) }, (_, slot) => this.#slotRequest(block, slot))
  }

  /** Blocks that they have beside the entry's own. */
  blockCount(block: number): number {
    if (this.#entries.kind(block) === 'key') return this.#chains.countOf(this.#pool.next(block))
    let blocks = 0
    for (let slot = 0; slot < this.#entries.count(block); slot++) {
      blocks += this.#chains.countOf(this.#entries.payloadAt(block, slot))
    }
    return blocks
  }

  /** Adds what is durable by now, of the entry's present life and epoch. */
  record(block: number, facts: RequestFacts, keptFromMs: number): void {
    if (facts.kind === 'key') this.#recordKey(block, facts, keptFromMs)
    else this.#recordSequence(block, facts, keptFromMs)
  }

  /** The entry is without them then, and can be begun anew. */
  free(block: number): void {
    if (this.#entries.kind(block) === 'key') {
      this.#chains.free(this.#pool.next(block))
      this.#pool.setNext(block, NO_BLOCK)
    } else {
      for (let slot = 0; slot < this.#entries.count(block); slot++) {
        this.#chains.free(this.#entries.payloadAt(block, slot))
      }
    }
  }

  #recordKey(block: number, facts: RequestFacts, keptFromMs: number): void {
    const entries = this.#entries
    const known = entries.arrivedMs(block) > 0 ? this.#keyRequest(block) : undefined
    const request = withParts(known, facts)
    const length = this.#pack(facts.bornMs, request)
    this.#chains.free(this.#pool.next(block))
    this.#scratch.copy(entries.inline(block), 0, 0, KEY_INLINE_BYTES)
    this.#pool.setNext(block, this.#chains.store(this.#scratch, length, KEY_INLINE_BYTES))
    entries.setLastIsComplete(block, request.missing.length === 0)
    entries.setArrivedMs(block, keptFromMs)
  }

  #recordSequence(block: number, facts: RequestFacts, keptFromMs: number): void {
    const entries = this.#entries
    const known = entries.slotOf(block, facts.sequence)
    const request = withParts(known < 0 ? undefined : this.#slotRequest(block, known), facts)
    const length = this.#pack(entries.bornMs(block), request)
    const payload = this.#chains.store(this.#scratch, length)
    const slot = known >= 0 ? this.#replace(block, known, payload) : this.#insert(block, facts.sequence, payload)
    if (slot === 0) entries.setLastIsComplete(block, request.missing.length === 0)
    entries.setArrivedMs(block, Math.max(entries.arrivedMs(block), keptFromMs))
  }

  #replace(block: number, slot: number, payload: number): number {
    this.#chains.free(this.#entries.payloadAt(block, slot))
    this.#entries.setPayloadAt(block, slot, payload)
    return slot
  }

  /** Returns its slot; −1 where it had to go itself. */
  #insert(block: number, sequence: number, payload: number): number {
    const pushedOut = this.#entries.push(block, sequence, payload)
    if (pushedOut !== undefined) {
      this.#chains.free(pushedOut)
      return 0
    }
    const { dropped, slot } = this.#entries.insert(block, sequence, payload)
    for (const each of dropped) this.#chains.free(each)
    return slot
  }

  /** Into the scratch; returns the length. */
  #pack(bornMs: number, request: RememberedRequest): number {
    const most = packedRequestMaxBytes(request.stored.length + request.missing.length)
    if (most > this.#scratch.length) this.#scratch = Buffer.alloc(most * 2)
    return packRequest(this.#scratch, bornMs, request)
  }

  #keyRequest(block: number): RememberedRequest {
    const packed = this.#chains.gather(this.#entries.inline(block), this.#pool.next(block))
    return unpackRequest(packed, this.#entries.bornMs(block), 0)
  }

  #slotRequest(block: number, slot: number): RememberedRequest {
    const packed = this.#chains.gather(undefined, this.#entries.payloadAt(block, slot))
    return unpackRequest(packed, this.#entries.bornMs(block), this.#entries.sequenceAt(block, slot))
  }
}

/** Blocks that a request with so many parts needs at most, beyond those that its entry has anyway. */
export function furtherBlocks(isKey: boolean, partCount: number): number {
  const bytes = packedRequestMaxBytes(partCount)
  if (isKey) return Math.ceil((bytes - KEY_INLINE_BYTES) / PAYLOAD_BYTES)
  return Math.ceil(bytes / PAYLOAD_BYTES) - 1
}

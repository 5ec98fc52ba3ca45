import { BlockIndex } from './block-index.ts'
import { BLOCK_BYTES, BlockPool, NO_BLOCK } from './block-pool.ts'
import { EntryBlocks, hashOf, KEY_INLINE_BYTES, KEY_TAG, PRODUCER_TAG } from './entry-blocks.ts'
import { REQUESTS_REMEMBERED, type KnownProducer, type RememberedRequest } from '../../broker/known-producer.ts'
import { packedRequestMaxBytes, packRequest, unpackRequest } from './packed-request.ts'
import { PAYLOAD_BYTES, PayloadChains } from './payload-chain.ts'
import { withParts } from './remembered-parts.ts'
import type { ProducerKey, RequestFacts } from './request-facts.ts'
import type { PromisedRoom, RequestMemory } from './request-memory.ts'
import { TopicNumbers } from './topic-numbers.ts'

/** A producer's block, and one for each of its requests: counted from the beginning, so that none is refused later. */
const PRODUCER_CHARGE = 1 + REQUESTS_REMEMBERED
/** At most so often the table is searched for what has expired because it is full. */
const SWEEP_INTERVAL_MS = 1000

export interface PackedRequestMemoryOptions {
  /** `producer.state.max.bytes` */
  readonly maxBytes: number
  /** `producer.id.expiration.ms` */
  readonly producerExpirationMs: number
  /** `idempotency.key.retention.ms` */
  readonly keyRetentionMs: number
  /** Wall time, Unix milliseconds. */
  readonly now: () => number
}

/** See `RequestMemory`: packed into small blocks, found by hash. */
export class PackedRequestMemory implements RequestMemory {
  readonly #options: PackedRequestMemoryOptions
  readonly #pool = new BlockPool()
  readonly #entries = new EntryBlocks(this.#pool)
  readonly #chains = new PayloadChains(this.#pool)
  readonly #index = new BlockIndex((block) => this.#entries.hash(block))
  readonly #topics = new TopicNumbers()
  #scratch = Buffer.alloc(1024)
  /** Blocks that entries may have without asking, and those that were promised. */
  #charged = 0
  #promised = 0
  #newestBornMs = 0
  #sweptAtMs = -Infinity

  constructor(options: PackedRequestMemoryOptions) {
    this.#options = options
  }

  /** Producers and keys. */
  get count(): number {
    return this.#topics.entryCount
  }

  get sizeBytes(): number {
    return this.#charged * BLOCK_BYTES + this.#index.sizeBytes
  }

  nextBornMs(): number {
    return Math.max(this.#newestBornMs, this.#options.now())
  }

  /** To be used at once: it looks into the memory as it is. */
  find(key: ProducerKey): KnownProducer | undefined {
    const block = this.#find(key)
    if (block === NO_BLOCK) return undefined
    if (this.#hasExpired(block, this.#options.now())) {
      this.#remove(block)
      return undefined
    }
    return this.#known(block)
  }

  #known(block: number): KnownProducer {
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

  promise(key: ProducerKey): PromisedRoom | undefined {
    let promised = 0
    const extend = (blocks: number): boolean => {
      if (!this.#hasRoom(blocks)) return false
      this.#promised += blocks
      promised += blocks
      return true
    }
    const isKey = key.kind === 'key'
    if (this.#find(key) === NO_BLOCK && !extend(isKey ? 1 : PRODUCER_CHARGE)) return undefined
    return {
      extend: (partCount) => extend(furtherBlocks(isKey, partCount)),
      giveBack: () => {
        this.#promised -= promised
        promised = 0
      },
    }
  }

  #hasRoom(blocks: number): boolean {
    if (blocks === 0) return true
    const fits = (): boolean => this.sizeBytes + (this.#promised + blocks) * BLOCK_BYTES <= this.#options.maxBytes
    if (fits()) return true
    const now = this.#options.now()
    if (Math.abs(now - this.#sweptAtMs) < SWEEP_INTERVAL_MS) return false
    this.sweep()
    return fits()
  }

  record(facts: RequestFacts): void {
    this.#record(facts, facts.arrivedMs)
  }

  committed(facts: RequestFacts): void {
    this.#record(facts, this.#options.now())
  }

  #record(facts: RequestFacts, keptFromMs: number): void {
    this.#newestBornMs = Math.max(this.#newestBornMs, facts.bornMs)
    const { topicId, kind, identityHash, bornMs, epoch } = facts
    let block = this.#find(facts)
    if (block === NO_BLOCK) {
      block = this.#entries.create(kind, this.#topics.entryAdded(topicId), identityHash)
      this.#entries.begin(block, bornMs, epoch)
      this.#index.add(block)
    } else {
      const age = bornMs - this.#entries.bornMs(block) || epoch - this.#entries.epoch(block)
      // Of an earlier life or epoch.
      if (age < 0) return
      this.#charged -= this.#chargeOf(block)
      if (age > 0) this.#beginAnew(block, facts)
    }
    if (kind === 'key') this.#recordKey(block, facts, keptFromMs)
    else this.#recordSequence(block, facts, keptFromMs)
    this.#charged += this.#chargeOf(block)
  }

  #beginAnew(block: number, { bornMs, epoch }: RequestFacts): void {
    this.#freePayloads(block)
    this.#entries.begin(block, bornMs, epoch)
    this.#entries.setArrivedMs(block, 0)
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

  #chargeOf(block: number): number {
    if (this.#entries.kind(block) === 'key') return 1 + this.#chains.countOf(this.#pool.next(block))
    let blocks = 1
    for (let slot = 0; slot < this.#entries.count(block); slot++) {
      blocks += this.#chains.countOf(this.#entries.payloadAt(block, slot))
    }
    return Math.max(PRODUCER_CHARGE, blocks)
  }

  #find({ topicId, kind, identityHash }: ProducerKey): number {
    const topic = this.#topics.numberOf(topicId)
    if (topic === undefined) return NO_BLOCK
    const hash = hashOf(identityHash.readUInt32LE(0), topic)
    return this.#index.find(hash, (block) => this.#entries.matches(block, kind, topic, identityHash))
  }

  #hasExpired(block: number, nowMs: number): boolean {
    const keptMs = this.#keptMs(this.#entries.kind(block), this.#entries.lastIsComplete(block))
    return this.#entries.arrivedMs(block) + keptMs <= nowMs
  }

  /** Whether facts are worth to be recorded: those of a start may have expired since they were written. */
  isCurrent({ kind, arrivedMs, partitions, stored }: RequestFacts): boolean {
    return arrivedMs + this.#keptMs(kind, stored.length === partitions.length) > this.#options.now()
  }

  /** A key whose request is stored in part is kept until it is completed, or as long as a producer: no part comes twice. */
  #keptMs(kind: ProducerKey['kind'], isComplete: boolean): number {
    const { keyRetentionMs, producerExpirationMs } = this.#options
    if (kind === 'sequence') return producerExpirationMs
    return isComplete ? keyRetentionMs : Math.max(keyRetentionMs, producerExpirationMs)
  }

  #freePayloads(block: number): void {
    if (this.#entries.kind(block) === 'key') {
      this.#chains.free(this.#pool.next(block))
      this.#pool.setNext(block, NO_BLOCK)
    } else {
      for (let slot = 0; slot < this.#entries.count(block); slot++) {
        this.#chains.free(this.#entries.payloadAt(block, slot))
      }
    }
  }

  #remove(block: number): void {
    this.#index.remove(block)
    this.#charged -= this.#chargeOf(block)
    this.#topics.entryRemoved(this.#entries.topic(block))
    this.#freePayloads(block)
    this.#pool.free(block)
  }

  /** Forgets what has expired, and what is of topics that are gone. */
  sweep(): void {
    const now = this.#options.now()
    this.#sweptAtMs = now
    for (const block of this.#entryBlocks()) {
      const gone = this.#topics.idOf(this.#entries.topic(block)) === undefined
      if (gone || this.#hasExpired(block, now)) this.#remove(block)
    }
  }

  forgetTopic(topicId: string): void {
    if (this.#topics.forget(topicId)) this.sweep()
  }

  *#entryBlocks(): Iterable<number> {
    for (let block = 1; block < this.#pool.end; block++) {
      const tag = this.#pool.tag(block)
      if (tag === PRODUCER_TAG || tag === KEY_TAG) yield block
    }
  }

  /** All that is remembered, or of one topic. What changes while it is asked for may be in it or not; what stays is. */
  *all(ofTopicId?: string): Iterable<RequestFacts> {
    for (const block of this.#entryBlocks()) {
      const topicId = this.#topics.idOf(this.#entries.topic(block))
      if (topicId === undefined || (ofTopicId !== undefined && topicId !== ofTopicId)) continue
      const kind = this.#entries.kind(block)
      const identityHash = this.#entries.identityHash(block)
      const bornMs = this.#entries.bornMs(block)
      const epoch = this.#entries.epoch(block)
      for (const request of this.#requestsOf(block)) {
        const partitions = [...request.stored.map(({ partition }) => partition), ...request.missing]
        yield { ...request, topicId, kind, identityHash, bornMs, epoch, partitions }
      }
    }
  }

  #requestsOf(block: number): RememberedRequest[] {
    if (this.#entries.kind(block) === 'key') return [this.#keyRequest(block)]
    return Array.from({ length: this.#entries.count(block) }, (_, slot) => this.#slotRequest(block, slot))
  }
}

/** Beyond those that the entry has anyway. */
function furtherBlocks(isKey: boolean, partCount: number): number {
  const bytes = packedRequestMaxBytes(partCount)
  if (isKey) return Math.ceil((bytes - KEY_INLINE_BYTES) / PAYLOAD_BYTES)
  return Math.ceil(bytes / PAYLOAD_BYTES) - 1
}

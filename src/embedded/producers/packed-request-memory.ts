import { BlockIndex } from './block-index.ts'
import { BLOCK_BYTES, BlockPool, NO_BLOCK } from './block-pool.ts'
import { EntryBlocks, hashOf, KEY_TAG, PRODUCER_TAG } from './entry-blocks.ts'
import { EntryRequests, furtherBlocks } from './entry-requests.ts'
import { REQUESTS_REMEMBERED, type KnownProducer } from '../../broker/known-producer.ts'
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
  /** Wall time, Unix milliseconds: what stamps of requests are held against. */
  readonly now: () => number
  /**
   * By what is remembered is forgotten: begins with `now` and goes evenly, whatever the clock is set to. A step that comes to
   * be believed does not make old what came right before.
   */
  readonly steadyNow: () => number
}

/** See `RequestMemory`: packed into small blocks, found by hash. */
export class PackedRequestMemory implements RequestMemory {
  readonly #options: PackedRequestMemoryOptions
  readonly #pool = new BlockPool()
  readonly #entries = new EntryBlocks(this.#pool)
  readonly #requests = new EntryRequests(this.#pool, this.#entries)
  readonly #index = new BlockIndex((block) => this.#entries.hash(block))
  readonly #topics = new TopicNumbers()
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
    if (this.#hasExpired(block, this.#options.steadyNow())) {
      this.#remove(block)
      return undefined
    }
    return this.#requests.known(block)
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
    const now = this.#options.steadyNow()
    if (Math.abs(now - this.#sweptAtMs) < SWEEP_INTERVAL_MS) return false
    this.sweep()
    return fits()
  }

  record(facts: RequestFacts): void {
    this.#record(facts, facts.arrivedMs)
  }

  committed(facts: RequestFacts): void {
    this.#record(facts, this.#options.steadyNow())
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
    this.#requests.record(block, facts, keptFromMs)
    this.#charged += this.#chargeOf(block)
  }

  #beginAnew(block: number, { bornMs, epoch }: RequestFacts): void {
    this.#requests.free(block)
    this.#entries.begin(block, bornMs, epoch)
    this.#entries.setArrivedMs(block, 0)
  }

  #chargeOf(block: number): number {
    const blocks = 1 + this.#requests.blockCount(block)
    return this.#entries.kind(block) === 'key' ? blocks : Math.max(PRODUCER_CHARGE, blocks)
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

  #remove(block: number): void {
    this.#index.remove(block)
    this.#charged -= this.#chargeOf(block)
    this.#topics.entryRemoved(this.#entries.topic(block))
    this.#requests.free(block)
    this.#pool.free(block)
  }

  /** Forgets what has expired, and what is of topics that are gone. */
  sweep(): void {
    const now = this.#options.steadyNow()
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
      for (const request of this.#requests.all(block)) {
        const partitions = [...request.stored.map(({ partition }) => partition), ...request.missing]
        yield { ...request, topicId, kind, identityHash, bornMs, epoch, partitions }
      }
    }
  }
}

import { allocateBatch } from '../codec/batch-buffer.ts'
import type { ScannedBatch } from '../codec/batch-scan.ts'
import { type BatchProducer, setProducer } from '../codec/record-batch.ts'
import { checkBatches } from './batch-checks.ts'
import { batchProducerOf } from './batch-producer.ts'
import { BrokerError } from './broker-error.ts'
import { appendClaimed } from './claimed-append.ts'
import { type BatchBodyLimits, ClientBatches } from './client-batches.ts'
import type { AppendPart, AppendPartResult, AppendResult, Durability, EncodedBatch } from './engine.ts'
import { unknownPartition } from './partition-selection.ts'
import type { PublishIdentity } from './publish-claim.ts'
import { claimRequest, requireAcksAll } from './publish-claims.ts'
import { internalTopic, refused, type PublishOptions, type PublishServiceDependencies } from './publish-service.ts'
import type { TopicSummary } from './topic-store.ts'

export type BatchPublishDependencies = Omit<PublishServiceDependencies, 'random'>

/** Where the batches of a request are now. */
export interface PublishedBatches {
  readonly topic: string
  readonly partition: number
  /** In the order of the request; empty where the acknowledgement vouches for nothing. */
  readonly batches: readonly OffsetSpan[]
  /** Unix milliseconds where the topic says LogAppendTime, else −1. */
  readonly logAppendTime: number
  readonly durability: Durability
  /** The request had been stored before. */
  readonly duplicate: boolean
}

/** Both offsets are of records. */
export interface OffsetSpan {
  readonly baseOffset: number
  readonly lastOffset: number
}

/** Takes in record batches that clients encoded, for one partition: checks them to the last record, stores them as they are. */
export class BatchPublishService {
  readonly #deps: BatchPublishDependencies

  constructor(deps: BatchPublishDependencies) {
    this.#deps = deps
  }

  /**
   * Stores the batches of one request. The body belongs to this call until it settles. Requests to a topic that exists
   * keep the order in which they came here. Rejects with a BrokerError that says what was `stored`: `no` after any fault
   * in the body.
   */
  async publish(
    topic: string,
    partition: number,
    body: Buffer,
    options: PublishOptions & BatchBodyLimits,
  ): Promise<PublishedBatches> {
    const { acks, identity } = options
    if (identity !== undefined) requireAcksAll(acks)
    const batches = new ClientBatches(options).read(body)
    try {
      const found = this.#deps.topics.find(topic) ?? (await this.#deps.topics.findOrCreate(topic))
      if (found.internal) throw internalTopic(topic)
      const request = { topic: found, partition, batches, body }
      if (identity !== undefined) return await this.#publishOnce(request, identity)
      const parts = this.#encode(request, found, this.#deps.clock.now())
      return published(request, await this.#deps.engine.append({ topic: found.name, parts, acks }), false)
    } catch (error) {
      throw refused(error)
    }
  }

  async #publishOnce(request: BatchRequest, identity: PublishIdentity): Promise<PublishedBatches> {
    const { engine, topics, durability } = this.#deps
    const { topic } = request
    const claim = await claimRequest(engine.producers, topic.name, identity)
    const encode = (): AppendPart[] => {
      // The request has waited for its turn: the topic may have other settings now.
      const present = { ...(topics.find(topic.name) ?? topic), partitionCount: claim.partitionCount }
      return this.#encode(request, present, claim.arrivedMs, batchProducerOf(identity))
    }
    return published(request, await appendClaimed(claim, encode, durability), claim.stored.length > 0)
  }

  #encode(request: BatchRequest, topic: TopicSummary, now: number, producer?: BatchProducer): AppendPart[] {
    const { partition, batches, body } = request
    const { name, partitionCount } = topic
    if (partition >= partitionCount) throw unknownPartition(name, partition, partitionCount)
    checkBatches(batches, body, topic, this.#deps.topicConfigOf(topic), now)
    return [{ partition, batches: batches.map((batch) => copied(body, batch, producer)) }]
  }
}

interface BatchRequest {
  readonly topic: TopicSummary
  readonly partition: number
  readonly batches: readonly ScannedBatch[]
  readonly body: Buffer
}

function published(
  { topic, partition, batches }: BatchRequest,
  { parts: [part], durability }: AppendResult,
  duplicate: boolean,
): PublishedBatches {
  if (part === undefined) throw new Error('the append has no answer for its part')
  if (part.error !== undefined) throw failedAppend(part.error)
  const { logAppendTime } = part
  return { topic: topic.name, partition, batches: spans(part, batches), logAppendTime, durability, duplicate }
}

/** An append that was answered may have stored something, unless its error says otherwise. */
function failedAppend(error: BrokerError): BrokerError {
  const { stored = 'unknown' } = error.options
  return new BrokerError(error.code, error.message, { ...error.options, stored, cause: error })
}

/** The engine keeps a batch for long, and its memory with it: not that of the body around it. */
function copied(
  body: Buffer,
  { position, sizeBytes, recordCount, newestTimestamp }: ScannedBatch,
  producer: BatchProducer | undefined,
): EncodedBatch {
  const bytes = allocateBatch(sizeBytes)
  body.copy(bytes, 0, position, position + sizeBytes)
  if (producer !== undefined) setProducer(bytes, 0, producer)
  return { bytes, recordCount, maxTimestamp: newestTimestamp }
}

function spans({ baseOffset }: AppendPartResult, batches: readonly ScannedBatch[]): OffsetSpan[] {
  if (baseOffset < 0) return []
  let next = baseOffset
  return batches.map(({ recordCount }) => {
    const first = next
    next += recordCount
    return { baseOffset: first, lastOffset: next - 1 }
  })
}

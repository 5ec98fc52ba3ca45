import { allocateBatch } from '../codec/batch-buffer.ts'
import type { ScannedBatch } from '../codec/batch-scan.ts'
import {
  type BatchProducer,
  clearProducer,
  hasProducerId,
  isTransactional,
  setProducer,
} from '../codec/record-batch.ts'
import { checkBatches, checkConverted } from './batch-checks.ts'
import { compressionFor } from './batch-compression.ts'
import { batchProducerOf } from './batch-producer.ts'
import { BrokerError } from './broker-error.ts'
import { publishWithClaim } from './claim-lapsed.ts'
import { appendClaimed } from './claimed-append.ts'
import { type BatchBodyLimits, ClientBatches } from './client-batches.ts'
import type { CodecJobs } from './codec-jobs.ts'
import type { AppendPart, AppendPartResult, AppendResult, Durability, EncodedBatch } from './append-request.ts'
import { unknownPartition } from './partition-selection.ts'
import type { PublishClaim, PublishIdentity } from './publish-claim.ts'
import { withRecordsNamed } from './publish-result.ts'
import { refused, requireAcksAll } from './publish-claims.ts'
import { internalTopic, type PublishOptions, type PublishServiceDependencies } from './publish-service.ts'
import type { TopicConfig } from './topic-config.ts'
import type { TopicSummary } from './topic-store.ts'

export interface BatchPublishDependencies extends Omit<PublishServiceDependencies, 'random'> {
  readonly codecJobs: CodecJobs
}

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

/**
 * Takes in record batches that clients encoded, for one partition: checks them to the last record, stores them as they
 * are, unless the topic asks for another compression.
 */
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
    const read = new ClientBatches(options, this.#deps.codecJobs).read(body)
    try {
      if (identity !== undefined)
        return await this.#publishOnce({ topic, partition, batches: await read, body }, identity)
      const { turns, engine } = this.#deps
      return await turns.take(topic, this.#ready({ topic, partition, body }, read), async ({ request, parts }) => {
        return published(request, await engine.append({ topic, parts, acks }), false)
      })
    } catch (error) {
      throw refused(error)
    }
  }

  /** At once where the topic exists and no codec takes long. */
  #ready(
    request: Omit<BatchRequest, 'batches'>,
    read: readonly ScannedBatch[] | Promise<readonly ScannedBatch[]>,
  ): ReadyBatches | Promise<ReadyBatches> {
    const topic = this.#deps.topics.find(request.topic)
    const isKnown = topic !== undefined && request.partition < topic.partitionCount
    if (!isKnown || read instanceof Promise) return this.#readyLater(request, read)
    return this.#encoded({ ...request, batches: read }, topic)
  }

  async #readyLater(
    request: Omit<BatchRequest, 'batches'>,
    read: readonly ScannedBatch[] | Promise<readonly ScannedBatch[]>,
  ): Promise<ReadyBatches> {
    const batches = await read
    return this.#encoded({ ...request, batches }, await this.#findOrCreate(request))
  }

  #encoded(request: BatchRequest, topic: TopicSummary): ReadyBatches | Promise<ReadyBatches> {
    if (topic.internal) throw internalTopic(topic.name)
    const parts = this.#encode(request, topic, this.#deps.clock.now())
    if (parts instanceof Promise) return parts.then((converted) => ({ request, parts: converted }))
    return { request, parts }
  }

  async #publishOnce(request: BatchRequest, identity: PublishIdentity): Promise<PublishedBatches> {
    const { engine, topics, durability } = this.#deps
    const topic = await this.#findOrCreate(request)
    if (topic.internal) throw internalTopic(topic.name)
    const claimed = (): PublishClaim | Promise<PublishClaim> => engine.producers.claim(topic.name, identity)
    return publishWithClaim(claimed, async (claim) => {
      const encode = (): Parts | Promise<Parts> => {
        // The request has waited for its turn: the topic may have other settings now.
        const present = { ...(topics.find(topic.name) ?? topic), partitionCount: claim.partitionCount }
        return this.#encode(request, present, claim.arrivedMs, batchProducerOf(identity))
      }
      return published(request, await appendClaimed(claim, encode, durability), claim.stored.length > 0)
    })
  }

  async #findOrCreate({ topic, partition }: Omit<BatchRequest, 'batches'>): Promise<TopicSummary> {
    const { topics } = this.#deps
    const found = topics.find(topic) ?? (await topics.findOrCreate(topic))
    return partition < found.partitionCount ? found : topics.lookAgain(found)
  }

  /** At once where the batches stay as they are, or little is to do. */
  #encode(request: BatchRequest, topic: TopicSummary, now: number, producer?: BatchProducer): Parts | Promise<Parts> {
    const { partition, batches, body } = request
    const { name, partitionCount } = topic
    if (partition >= partitionCount) throw unknownPartition(name, partition, partitionCount)
    const config = this.#deps.topicConfigOf(topic)
    checkBatches(batches, body, topic, config, now)
    const parts = [{ partition, batches: batches.map((batch) => copied(body, batch, producer)) }]
    const converted = this.#deps.compression.apply(parts, compressionFor(config, undefined), config)
    if (converted instanceof Promise) return converted.then((made) => withinLimit(made, batches, config))
    return withinLimit(converted, batches, config)
  }
}

type Parts = readonly AppendPart[]

interface BatchRequest {
  readonly topic: string
  readonly partition: number
  readonly batches: readonly ScannedBatch[]
  readonly body: Buffer
}

interface ReadyBatches {
  readonly request: BatchRequest
  readonly parts: Parts
}

/** A batch that was taken apart may be larger than it came. */
function withinLimit(parts: Parts, batches: readonly ScannedBatch[], config: TopicConfig): Parts {
  for (const part of parts) checkConverted(part.batches, batches, config)
  return parts
}

function published(
  { topic, partition, batches }: BatchRequest,
  { parts: [part], durability }: AppendResult,
  duplicate: boolean,
): PublishedBatches {
  if (part === undefined) throw new Error('the append has no answer for its part')
  const count = batches.reduce((sum, { recordCount }) => sum + recordCount, 0)
  if (part.error !== undefined) throw failedAppend(withRecordsNamed(part.error, count))
  const { logAppendTime } = part
  return { topic, partition, batches: spans(part, batches), logAppendTime, durability, duplicate }
}

/** An append that was answered may have stored something, unless its error says otherwise. */
function failedAppend(error: BrokerError): BrokerError {
  const { stored = 'unknown' } = error.options
  return new BrokerError(error.code, error.message, { ...error.options, stored, cause: error })
}

/**
 * The engine keeps a batch for long, and its memory with it: not that of the body around it. Whose request the batch was
 * where it was read says nothing here.
 */
function copied(
  body: Buffer,
  { position, sizeBytes, recordCount, newestTimestamp }: ScannedBatch,
  producer: BatchProducer | undefined,
): EncodedBatch {
  const bytes = allocateBatch(sizeBytes)
  body.copy(bytes, 0, position, position + sizeBytes)
  if (hasProducerId(bytes, 0) || isTransactional(bytes, 0)) clearProducer(bytes, 0)
  if (producer !== undefined) setProducer(bytes, 0, producer)
  return { bytes, recordCount, maxTimestamp: newestTimestamp }
}

function spans({ baseOffset, runs }: AppendPartResult, batches: readonly ScannedBatch[]): OffsetSpan[] {
  if (baseOffset < 0) return []
  if (runs !== undefined) return runs.map((run) => spanOf(run.baseOffset, run.recordCount))
  let next = baseOffset
  return batches.map(({ recordCount }) => {
    const first = next
    next += recordCount
    return spanOf(first, recordCount)
  })
}

function spanOf(baseOffset: number, recordCount: number): OffsetSpan {
  return { baseOffset, lastOffset: baseOffset + recordCount - 1 }
}

import { allocateBatch } from '../codec/batch-buffer.ts'
import type { ScannedBatch } from '../codec/batch-scan.ts'
import { checkBatches } from './batch-checks.ts'
import { BrokerError } from './broker-error.ts'
import { type BatchBodyLimits, ClientBatches } from './client-batches.ts'
import type { AppendPartResult, Durability, EncodedBatch } from './engine.ts'
import { unknownPartition } from './partition-selection.ts'
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
    const batches = new ClientBatches(options).read(body)
    try {
      const found = this.#deps.topics.find(topic) ?? (await this.#deps.topics.findOrCreate(topic))
      this.#check(found, partition, batches, body)
      const parts = [{ partition, batches: batches.map((batch) => copied(body, batch)) }]
      const appended = await this.#deps.engine.append({ topic: found.name, parts, acks: options.acks })
      const [part] = appended.parts
      if (part === undefined) throw new Error('the append has no answer for its part')
      if (part.error !== undefined) throw failedAppend(part.error)
      const { logAppendTime } = part
      return { topic, partition, batches: spans(part, batches), logAppendTime, durability: appended.durability }
    } catch (error) {
      throw refused(error)
    }
  }

  #check(topic: TopicSummary, partition: number, batches: readonly ScannedBatch[], body: Buffer): void {
    if (topic.internal) throw internalTopic(topic.name)
    const { name, partitionCount } = topic
    if (partition >= partitionCount) throw unknownPartition(name, partition, partitionCount)
    checkBatches(batches, body, topic, this.#deps.topicConfigOf(topic), this.#deps.clock.now())
  }
}

/** An append that was answered may have stored something, unless its error says otherwise. */
function failedAppend(error: BrokerError): BrokerError {
  const { stored = 'unknown' } = error.options
  return new BrokerError(error.code, error.message, { ...error.options, stored, cause: error })
}

/** The engine keeps a batch for long, and its memory with it: not that of the body around it. */
function copied(body: Buffer, { position, sizeBytes, recordCount, newestTimestamp }: ScannedBatch): EncodedBatch {
  const bytes = allocateBatch(sizeBytes)
  body.copy(bytes, 0, position, position + sizeBytes)
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

import { BATCH_HEADER_BYTES } from '../codec/record-batch.ts'
import { loneBatchSize } from './batch-encoder.ts'
import type { RecordColumns } from './record-columns.ts'
import { RecordFaults } from './record-faults.ts'
import type { TopicConfig } from './topic-config.ts'
import type { TopicSummary } from './topic-store.ts'

/** A record without headers takes at most this much beside its key and value. */
const RECORD_OVERHEAD_MAX_BYTES = 32

/** Largest batch that is written: a request is cut, so that only a single record can be too large for a topic. */
export function maxBatchBytes(config: TopicConfig): number {
  return Math.min(config.maxMessageBytes, config.segmentBytes)
}

/**
 * Checks every record before any is written, as Kafka's LogValidator does, and gives those without a timestamp the
 * present time, as Kafka's producer does.
 *
 * @param now Unix milliseconds
 * @throws BrokerError with `stored: no`, naming each fault
 */
export function checkRecords(columns: RecordColumns, topic: TopicSummary, config: TopicConfig, now: number): void {
  const check = new RecordCheck(columns, topic, config, now)
  for (let i = 0; i < columns.count; i++) check.record(i)
  check.finish()
}

class RecordCheck {
  readonly #columns: RecordColumns
  readonly #topic: TopicSummary
  readonly #config: TopicConfig
  readonly #now: number
  readonly #oldest: number
  readonly #newest: number
  readonly #maxBytes: number
  readonly #needsKey: boolean
  #faults: RecordFaults | undefined

  constructor(columns: RecordColumns, topic: TopicSummary, config: TopicConfig, now: number) {
    // With LogAppendTime the records' own times are not used, so they are not judged.
    const judged = config.messageTimestampType === 'CreateTime'
    this.#columns = columns
    this.#topic = topic
    this.#config = config
    this.#now = now
    this.#oldest = judged ? now - config.messageTimestampBeforeMaxMs : -Infinity
    this.#newest = judged ? now + config.messageTimestampAfterMaxMs : Infinity
    this.#maxBytes = maxBatchBytes(config)
    this.#needsKey = config.cleanupPolicy.includes('compact')
  }

  record(i: number): void {
    const columns = this.#columns
    const timestamp = columns.timestamp[i]!
    if (timestamp < 0) columns.timestamp[i] = this.#now
    else if (timestamp < this.#oldest || timestamp > this.#newest) this.#badTimestamp(i)
    const keyStart = columns.keyStart[i]!
    if (keyStart < 0) {
      if (columns.valueStart[i]! < 0) this.#empty(i)
      else if (this.#needsKey) this.#nullKey(i)
    }
    if (columns.partition[i]! >= this.#topic.partitionCount) this.#badPartition(i)
    if (this.#maybeTooLarge(i) && loneBatchSize(columns, i) > this.#maxBytes) this.#tooLarge(i)
  }

  finish(): void {
    if (this.#faults !== undefined) throw this.#faults.toError()
  }

  /** Rules out nearly every record without adding up its exact size. */
  #maybeTooLarge(i: number): boolean {
    const { keyStart, keyEnd, valueStart, valueEnd, headerFrom } = this.#columns
    if (headerFrom[i] !== headerFrom[i + 1]) return true
    const payloadBytes = keyEnd[i]! - keyStart[i]! + valueEnd[i]! - valueStart[i]!
    return payloadBytes > this.#maxBytes - BATCH_HEADER_BYTES - RECORD_OVERHEAD_MAX_BYTES
  }

  #badTimestamp(i: number): void {
    const timestamp = this.#columns.timestamp[i]!
    this.#add('timestamp', `/records/${i}/timestamp`, () => timestampDetail(timestamp, this.#config, this.#now))
  }

  #empty(i: number): void {
    this.#add(
      'empty',
      `/records/${i}`,
      () => 'The record has neither a key nor a value. Give one of them; a value of null with a key is a tombstone.',
    )
  }

  #nullKey(i: number): void {
    this.#add('null-key', `/records/${i}/key`, () => nullKeyDetail(this.#topic.name))
  }

  #badPartition(i: number): void {
    const { name, partitionCount } = this.#topic
    this.#add(
      'partition',
      `/records/${i}/partition`,
      () =>
        `The topic "${name}" has no partition ${this.#columns.partition[i]!}: it has 0 to ${partitionCount - 1}. ` +
        'Leave the partition out to have it chosen by the key.',
    )
  }

  #tooLarge(i: number): void {
    const sizeBytes = loneBatchSize(this.#columns, i)
    this.#add(tooLargeKind(sizeBytes, this.#config), `/records/${i}`, () => {
      return `The record takes ${sizeBytes} bytes as a batch of its own: ${sizeLimitDetail(sizeBytes, this.#config)}`
    })
  }

  #add(...fault: Parameters<RecordFaults['add']>): void {
    this.#faults ??= new RecordFaults()
    this.#faults.add(...fault)
  }
}

/** What is said of a timestamp that the topic does not take. */
export function timestampDetail(timestamp: number, config: TopicConfig, now: number): string {
  const { messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs } = config
  const [apart, limit] =
    timestamp < now
      ? ['before', `message.timestamp.before.max.ms (${messageTimestampBeforeMaxMs})`]
      : ['after', `message.timestamp.after.max.ms (${messageTimestampAfterMaxMs})`]
  return (
    `The timestamp ${timestamp} is ${Math.abs(timestamp - now)} ms ${apart} the server's time ${now}: ` +
    `more than the topic's ${limit}. Send Unix milliseconds, leave the timestamp out, or alter the topic.`
  )
}

export function nullKeyDetail(topic: string): string {
  return `The key is null, but the topic "${topic}" is compacted: every record needs a key there.`
}

/** By which limit a batch of this size is beyond `maxBatchBytes`. */
export function tooLargeKind(sizeBytes: number, config: TopicConfig): 'too-large' | 'beyond-segment' {
  return sizeBytes > config.maxMessageBytes ? 'too-large' : 'beyond-segment'
}

export function sizeLimitDetail(sizeBytes: number, config: TopicConfig): string {
  const { maxMessageBytes, segmentBytes } = config
  const limit =
    sizeBytes > maxMessageBytes ? `max.message.bytes (${maxMessageBytes})` : `segment.bytes (${segmentBytes})`
  return `more than the topic's ${limit}.`
}

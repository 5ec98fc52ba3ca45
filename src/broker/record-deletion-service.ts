import { BrokerError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import { unknownPartition } from './partition-selection.ts'
import type { TopicConfig } from './topic-config.ts'
import { lookUpTopic } from './topic-lookup.ts'
import { refuseInternalTopic } from './topic-name.ts'
import type { PartitionBounds, TopicSummary } from './topic-store.ts'

/** Where a partition begins and ends after a deletion. */
export interface RecordDeletion extends PartitionBounds {
  readonly topic: string
  readonly partition: number
}

/** Deletes the oldest records of a partition at a client's word: Kafka's DeleteRecords. */
export class RecordDeletionService {
  readonly #engine: Engine
  readonly #topicConfigOf: (topic: TopicSummary) => TopicConfig

  /** @param topicConfigOf the settings in force; asked at each request */
  constructor(engine: Engine, topicConfigOf: (topic: TopicSummary) => TopicConfig) {
    this.#engine = engine
    this.#topicConfigOf = topicConfigOf
  }

  /**
   * Deletes what is before an offset, for ever. Repeating it changes nothing, and neither does an offset before the log
   * start. A topic that is compacted and nothing else keeps the last record of each key, so it refuses: POLICY_VIOLATION,
   * as in Kafka's `Partition.deleteRecordsOnLeader`.
   *
   * @param beforeOffset an offset as text, or `latest`
   */
  async delete(name: string, partition: number, beforeOffset: string): Promise<RecordDeletion> {
    const before = parseBefore(beforeOffset)
    refuseInternalTopic(name)
    const topic = await lookUpTopic(this.#engine, name, { partition })
    if (partition >= topic.partitionCount) throw unknownPartition(name, partition, topic.partitionCount)
    const { cleanupPolicy } = this.#topicConfigOf(topic)
    if (cleanupPolicy.includes('compact') && !cleanupPolicy.includes('delete')) throw compactedOnly(name)
    return { topic: name, partition, ...(await this.#engine.topics.deleteRecords(name, partition, before)) }
  }
}

function parseBefore(text: string): number | 'latest' {
  if (text === 'latest') return text
  const offset = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : NaN
  if (Number.isSafeInteger(offset)) return offset
  const detail =
    `The parameter "beforeOffset" is ${JSON.stringify(text.slice(0, 64))}: give an offset from 0 up to 2^53 − 1, ` +
    'before which all records are deleted, or "latest" to delete all that are there.'
  throw new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer: '?beforeOffset', detail }] })
}

function compactedOnly(topic: string): BrokerError {
  const detail =
    `Records of "${topic}" cannot be deleted by offset: its cleanup.policy is "compact", which keeps the last record of ` +
    'each key. Publish a tombstone (a null value) for a key, or set cleanup.policy to "compact,delete".'
  return new BrokerError('POLICY_VIOLATION', detail)
}

import assert from 'node:assert/strict'
import type { CompressionType } from '../codec/compression.ts'
import { recordContentSize } from '../codec/record-batch-writer.ts'
import { compressionFor } from './batch-compression.ts'
import { BatchEncoder } from './batch-encoder.ts'
import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { Acks, AppendResult } from './append-request.ts'
import type { Engine } from './engine.ts'
import { StickyPartitioner, partitionForKey } from './partitioner.ts'
import type { PublishIdentity } from './publish-claim.ts'
import { refused, requireAcksAll } from './publish-claims.ts'
import { publishResult, type PublishResult } from './publish-result.ts'
import { checkRecords, maxBatchBytes } from './record-checks.ts'
import type { RecordColumns } from './record-columns.ts'
import { RepeatablePublish, type RepeatablePublishDependencies } from './repeatable-publish.ts'
import type { TopicSummary } from './topic-store.ts'
import type { TopicTurns } from './topic-turns.ts'

export interface PublishServiceDependencies extends RepeatablePublishDependencies {
  readonly engine: Pick<Engine, 'append' | 'producers'>
  readonly clock: Clock
  /** One for all that append: requests wait in it for those before them. */
  readonly turns: TopicTurns
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export interface PublishOptions {
  readonly acks: Acks
  /** How batches are stored where the topic leaves that to the publisher; uncompressed if not given. */
  readonly compression?: CompressionType | undefined
  /** By which the request is known again; needs acks=all. */
  readonly identity?: PublishIdentity | undefined
}

/** Takes records in: checks all of them, chooses their partitions, encodes batches, and has them appended. */
export class PublishService {
  readonly #deps: PublishServiceDependencies
  readonly #sticky: StickyPartitioner
  readonly #encoder = new BatchEncoder()
  readonly #repeatable: RepeatablePublish

  constructor(deps: PublishServiceDependencies) {
    this.#deps = deps
    this.#sticky = new StickyPartitioner(deps.random)
    this.#repeatable = new RepeatablePublish(deps)
  }

  /**
   * Stores the records of one request. The columns and the buffer behind them belong to this call until it settles;
   * the columns are filled in and returned. In each partition records keep their order in the request, and requests to
   * a topic that exists keep the order in which they came here.
   *
   * Rejects with a BrokerError that always says what was `stored`: `no` after any fault in a record. A request with an
   * identity that was stored before is answered as it was then, whatever the topic's settings are now.
   *
   * @param columns at least one record; partition and timestamp −1 where the client gave none
   */
  async publish(topic: string, columns: RecordColumns, options: PublishOptions): Promise<PublishResult> {
    assert(columns.count > 0, 'a publish request has at least one record')
    const { identity, acks } = options
    if (identity !== undefined) requireAcksAll(acks)
    try {
      const found = this.#deps.topics.find(topic) ?? (await this.#deps.topics.findOrCreate(topic))
      if (found.internal) throw internalTopic(topic)
      if (identity !== undefined) return await this.#repeatable.publish(found, columns, identity, options.compression)
      const appended = await this.#append(found, columns, options)
      // The next keyless records are drawn anew: perhaps a partition that works.
      if (appended.parts.some((part) => part.error !== undefined)) this.#sticky.leave(topic)
      return publishResult(topic, columns, appended)
    } catch (error) {
      if (await this.#hasGrown(topic, columns, error)) return await this.publish(topic, columns, options)
      throw refused(error)
    }
  }

  /** The only thing wrong was a partition that the topic has got meanwhile; nothing was done with the columns then. */
  async #hasGrown(name: string, columns: RecordColumns, error: unknown): Promise<boolean> {
    if (!isPartitionFault(error)) return false
    const known = this.#deps.topics.find(name)
    if (known === undefined) return false
    const { partitionCount } = await this.#deps.topics.lookAgain(known).catch((cause: unknown) => {
      throw refused(cause)
    })
    return columns.partition.subarray(0, columns.count).every((partition) => partition < partitionCount)
  }

  /** Synchronous up to compression or the engine's own work, so the encoder's scratch is never shared by two requests. */
  #append(topic: TopicSummary, columns: RecordColumns, options: PublishOptions): Promise<AppendResult> {
    const { engine, turns, compression, clock } = this.#deps
    const { acks } = options
    const config = this.#deps.topicConfigOf(topic)
    checkRecords(columns, topic, config, clock.now())
    this.#choosePartitions(topic, columns)
    const encoded = this.#encoder.encode(columns, topic.partitionCount, maxBatchBytes(config))
    const ready = compression.apply(encoded, compressionFor(config, options.compression), config)
    return turns.take(topic.name, ready, (parts) => engine.append({ topic: topic.name, parts, acks }))
  }

  /** A partition the client named, else the key's, else for all keyless records of the request the sticky one. */
  #choosePartitions({ name, partitionCount }: TopicSummary, columns: RecordColumns): void {
    const { bytes, count, partition, keyStart, keyEnd } = columns
    let keyless = -1
    let keylessBytes = 0
    for (let i = 0; i < count; i++) {
      if (partition[i]! >= 0) continue
      const start = keyStart[i]!
      if (start >= 0) partition[i] = partitionForKey(bytes, start, keyEnd[i]!, partitionCount)
      else {
        if (keyless < 0) keyless = this.#sticky.partitionFor(name, partitionCount)
        partition[i] = keyless
        keylessBytes += recordContentSize(columns, i)
      }
    }
    if (keyless >= 0) this.#sticky.produced(name, keylessBytes)
  }
}

/** Of records, not of the topic in the path. */
function isPartitionFault(error: unknown): boolean {
  return error instanceof BrokerError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION' && error.status === 400
}

export function internalTopic(name: string): BrokerError {
  return new BrokerError(
    'INVALID_TOPIC_EXCEPTION',
    `The topic "${name}" is internal: only the server, or the Kafka cluster behind it, writes to it. Publish to a topic of another name.`,
  )
}

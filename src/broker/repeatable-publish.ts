import type { CompressionType } from '../codec/compression.ts'
import { type BatchCompression, compressionFor } from './batch-compression.ts'
import { BatchEncoder } from './batch-encoder.ts'
import { batchProducerOf } from './batch-producer.ts'
import { publishWithClaim } from './claim-lapsed.ts'
import { appendClaimed } from './claimed-append.ts'
import type { AppendPart, Durability } from './append-request.ts'
import type { Engine } from './engine.ts'
import { partitionForKey } from './partitioner.ts'
import type { PublishClaim, PublishIdentity } from './publish-claim.ts'
import { keylessPartition } from './publish-claims.ts'
import { publishResult, type PublishResult, type RequestHistory } from './publish-result.ts'
import { checkRecords, maxBatchBytes } from './record-checks.ts'
import type { RecordColumns } from './record-columns.ts'
import type { TopicAutoCreation } from './topic-auto-creation.ts'
import type { TopicConfig } from './topic-config.ts'
import type { TopicSummary } from './topic-store.ts'

export interface RepeatablePublishDependencies {
  readonly engine: Pick<Engine, 'producers'>
  /** What the engine vouches for with acks=all. */
  readonly durability: Durability
  readonly topics: TopicAutoCreation
  /** The settings in force; asked at each request. */
  readonly topicConfigOf: (topic: TopicSummary) => TopicConfig
  readonly compression: BatchCompression
}

/**
 * Takes in records of requests that are known again when they are sent a second time. Nothing here depends on when that
 * is: partitions and timestamps follow from the request and from what its claim says of the first try.
 */
export class RepeatablePublish {
  readonly #deps: RepeatablePublishDependencies
  readonly #encoder = new BatchEncoder()

  constructor(deps: RepeatablePublishDependencies) {
    this.#deps = deps
  }

  /** See PublishService.publish. Most requests have their turn at once, and go on without a promise for it. */
  publish(
    topic: TopicSummary,
    columns: RecordColumns,
    identity: PublishIdentity,
    asked: CompressionType | undefined,
  ): Promise<PublishResult> {
    const { topics, engine } = this.#deps
    const claim = engine.producers.claim(topic.name, identity)
    if (!(claim instanceof Promise)) return this.#publishClaimed(topic, columns, identity, asked, claim)
    const { partition, timestamp, count } = columns
    const given = { partition: partition.slice(0, count), timestamp: timestamp.slice(0, count) }
    let first: Promise<PublishClaim> | undefined = claim
    const claimed = (): PublishClaim | Promise<PublishClaim> => {
      const next = first ?? engine.producers.claim(topic.name, identity)
      first = undefined
      return next
    }
    return publishWithClaim(claimed, (granted) => {
      partition.set(given.partition)
      timestamp.set(given.timestamp)
      // It has waited: the topic may have other settings now. If it has gone, the append says so.
      return this.#publishClaimed(topics.find(topic.name) ?? topic, columns, identity, asked, granted)
    })
  }

  #publishClaimed(
    topic: TopicSummary,
    columns: RecordColumns,
    identity: PublishIdentity,
    asked: CompressionType | undefined,
    claim: PublishClaim,
  ): Promise<PublishResult> {
    const { durability, compression } = this.#deps
    if (claim.isComplete) fillIn(columns, identity, claim)
    const encode = (): readonly AppendPart[] | Promise<readonly AppendPart[]> => {
      const config = this.#deps.topicConfigOf(topic)
      const parts = this.#encode({ topic, config, columns, identity, claim })
      return compression.apply(parts, compressionFor(config, asked), config)
    }
    const history = claim.stored.length > 0 ? repeatedRequest : newRequest
    return appendClaimed(claim, encode, durability).then((appended) =>
      publishResult(topic.name, columns, appended, history),
    )
  }

  /** Synchronous, so the encoder's scratch is never shared by two requests. */
  #encode({ topic, config, columns, identity, claim }: ClaimedRecords): AppendPart[] {
    const { partitionCount, arrivedMs } = claim
    const first = topic.partitionCount === partitionCount ? topic : { ...topic, partitionCount }
    checkRecords(columns, first, config, arrivedMs)
    choosePartitions(columns, identity, partitionCount)
    return this.#encoder.encode(columns, partitionCount, maxBatchBytes(config), batchProducerOf(identity))
  }
}

const newRequest: RequestHistory = { repeatable: true, duplicate: false }
const repeatedRequest: RequestHistory = { repeatable: true, duplicate: true }

interface ClaimedRecords {
  readonly topic: TopicSummary
  readonly config: TopicConfig
  readonly columns: RecordColumns
  readonly identity: PublishIdentity
  readonly claim: PublishClaim
}

/** What the first try gave the records that named none. */
function fillIn(columns: RecordColumns, identity: PublishIdentity, { partitionCount, arrivedMs }: PublishClaim): void {
  const { count, timestamp } = columns
  for (let i = 0; i < count; i++) if (timestamp[i]! < 0) timestamp[i] = arrivedMs
  choosePartitions(columns, identity, partitionCount)
}

/** A partition the client named, else the key's, else for all keyless records of the request the identity's. */
function choosePartitions(columns: RecordColumns, identity: PublishIdentity, partitionCount: number): void {
  const { bytes, count, partition, keyStart, keyEnd } = columns
  let keyless = -1
  for (let i = 0; i < count; i++) {
    if (partition[i]! >= 0) continue
    const start = keyStart[i]!
    if (start >= 0) partition[i] = partitionForKey(bytes, start, keyEnd[i]!, partitionCount)
    else partition[i] = keyless = keyless < 0 ? keylessPartition(identity, partitionCount) : keyless
  }
}

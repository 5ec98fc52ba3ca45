import type { Engine } from './engine.ts'
import type { CommittedOffset } from './group-coordinator.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** What is known of a partition's ends; null where the partition cannot be asked at present. */
export interface PartitionEnds {
  readonly logStartOffset: number | null
  readonly endOffset: number | null
}

/** Where a group stands in one partition. */
export interface GroupOffset extends TopicPartition, PartitionEnds {
  /** The committed offset: the next to read; null where nothing was committed. */
  readonly nextOffset: number | null
  /** Records between the committed offset and the end; null where either is not known. */
  readonly lag: number | null
  readonly metadata: string | null
  /** Unix milliseconds; null where nothing was committed, or the engine does not know when. */
  readonly commitTimestamp: number | null
}

/** The ends of partitions, in the order given. One that is offline hides no other. */
export async function partitionEnds(
  engine: Engine,
  partitions: readonly TopicPartition[],
): Promise<readonly PartitionEnds[]> {
  if (partitions.length === 0) return []
  const asked = partitions.map(({ topic, partition }) => ({ topic, partition }))
  const [starts, ends] = await Promise.all([
    engine.listOffsets(asked.map((query) => ({ ...query, at: 'earliest' as const }))),
    engine.listOffsets(asked.map((query) => ({ ...query, at: 'latest' as const }))),
  ])
  return asked.map((_, index) => ({
    logStartOffset: starts[index]?.error === undefined ? (starts[index]?.offset ?? null) : null,
    endOffset: ends[index]?.error === undefined ? (ends[index]?.offset ?? null) : null,
  }))
}

/** Lag as Kafka counts it: offsets, also those that compaction took away. Undefined without a commit, and then null. */
export function lagOf(nextOffset: number | null, endOffset: number | null): number | null {
  return nextOffset === null || endOffset === null ? null : endOffset - nextOffset
}

export function groupOffset(
  { topic, partition }: TopicPartition,
  committed: CommittedOffset | undefined,
  ends: PartitionEnds | undefined,
): GroupOffset {
  const nextOffset = committed?.nextOffset ?? null
  const { logStartOffset = null, endOffset = null } = ends ?? {}
  return {
    topic,
    partition,
    nextOffset,
    endOffset,
    logStartOffset,
    lag: lagOf(nextOffset, endOffset),
    metadata: committed?.metadata ?? null,
    commitTimestamp: committed === undefined || committed.commitTimestamp < 0 ? null : committed.commitTimestamp,
  }
}

import type { ScrubDescription } from './log-dir-description.ts'

/** Figures of an engine at one moment, for `/metrics`. Counters run from the start of the process. */
export interface EngineStatistics {
  readonly directories: readonly DirectoryStatistics[]
  readonly partitionCount: number
  readonly topicCount: number
  readonly openFiles: number
  /** Memory for what is known of publish requests that say who they are. */
  readonly producerStateBytes: number
  /** Partitions with a damaged range that is kept from readers. */
  readonly fencedPartitions: number
  readonly keeping: KeepingStatistics
  /** Of each log directory whose segments are read again. */
  readonly scrubs?: readonly ScrubStatistics[]
  /** Requests refused with SERVER_OVERLOADED: no room for an append, too many reads waiting for records. */
  readonly shed: Readonly<Record<'produce-bytes' | 'fetch-waiting', number>>
}

/** Reading segments again: see `ScrubDescription`. */
export interface ScrubStatistics extends ScrubDescription {
  readonly path: string
}

/** What went of the logs, by age, size, deletion and compaction. */
export interface KeepingStatistics {
  readonly removedSegments: number
  readonly removedBytes: number
  /** Cleanings that came to their end, and what they read and kept. */
  readonly cleanings: number
  readonly cleanedBytesRead: number
  readonly cleanedBytesKept: number
  /** Partitions that cannot be compacted now. */
  readonly uncleanablePartitions: number
}

export interface DirectoryStatistics {
  readonly path: string
  readonly state: 'online' | 'read-only' | 'offline'
  /** Commit rounds that became durable. */
  readonly rounds: number
  readonly journalBytes: number
  /** Bytes of record batches committed, by whichever path. */
  readonly appendedBytes: number
  /** Of these, bytes that went to their segment without passing through the journal. */
  readonly directBytes: number
  readonly checkpoints: number
  /** Bytes accepted but not yet durable. */
  readonly durableLagBytes: number
  /** Bytes durable in the journal that are not yet in their segments. */
  readonly pendingBytes: number
  readonly poisoned: boolean
  readonly freeBytes: number
}

/** Told of each durable round as it happens; must not throw. */
export interface CommitObserver {
  /** @param latencyMs from the oldest waiting request's arrival to durable */
  committed(latencyMs: number, requests: number, bytes: number): void
}

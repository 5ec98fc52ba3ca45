import type { BrokerError } from './broker-error.ts'
import type { ReadCursor } from './cursor.ts'

/** One page of several partitions of a topic, without its records: those went to the sink. */
export interface TopicPage {
  readonly cursor: string
  /** Every partition was read to its high watermark, or to where `until` ends it. */
  readonly upToDate: boolean
  /** The partitions the page moved in. */
  readonly partitions: readonly PartitionPosition[]
  /** Undefined where all went well. */
  readonly partitionErrors?: readonly PartitionReadError[]
}

export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  /** What to commit, or to pass as `offset`. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly logStartOffset: number
}

export interface PartitionReadError {
  readonly topic: string
  readonly partition: number
  readonly code: string
  readonly offset: number
  readonly nextReadableOffset: number | null
  readonly logStartOffset: number
  readonly highWatermark: number
}

/** A page of a stream, without its records. */
export interface StreamPage {
  /** Behind the page and its gaps. */
  readonly cursor: ReadCursor
  readonly upToDate: boolean
  readonly gaps: readonly OffsetGap[]
  /** Some partition cannot be read, and no gap mends that. */
  readonly error?: BrokerError
}

/** The position was `fromOffset`, and reading went on at `toOffset`: lower than that if it was beyond the log's end. */
export interface OffsetGap {
  readonly topic: string
  readonly partition: number
  readonly fromOffset: number
  readonly toOffset: number
}

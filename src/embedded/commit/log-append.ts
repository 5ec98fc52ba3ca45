import type { EncodedBatch } from '../../broker/append-request.ts'
import type { PartitionLog } from '../log/partition-log.ts'

/** The part of a request that goes to one partition. */
export interface LogAppend {
  readonly log: PartitionLog
  /** At least one. Taken over: patched in place. */
  readonly batches: readonly EncodedBatch[]
}

/** What became of it. */
export interface LogAppended {
  readonly partition: number
  /** −1 under `acks=0`. */
  readonly baseOffset: number
  /** Unix milliseconds under LogAppendTime, else −1. */
  readonly logAppendTime: number
}

import { CorruptBatchError } from '../../codec/corrupt-batch-error.ts'
import { isDiskFull, isOutOfDescriptors } from '../log/storage-failure.ts'
import { errorCode, errorMessage } from '../startup-error.ts'
import { CleaningStopped, NoRoomToCleanError } from './clean-log.ts'
import type { CleaningEnd } from './cleaning-messages.ts'
import { DamagedSegmentError } from './segment-batches.ts'

/** How a round ends that met this error. */
export function cleaningEndOf(error: unknown): CleaningEnd {
  const reason = errorMessage(error)
  // A file that is gone: its topic was deleted, or retention was quicker.
  if (error instanceof CleaningStopped || errorCode(error) === 'ENOENT') return { outcome: 'abandoned' }
  if (error instanceof NoRoomToCleanError || isDiskFull(error)) return { outcome: 'disk-full', reason }
  if (error instanceof DamagedSegmentError) {
    return { outcome: 'damaged', segmentBaseOffset: error.segmentBaseOffset, reason }
  }
  return {
    outcome: 'failed',
    passes: isOutOfDescriptors(error),
    reason: error instanceof CorruptBatchError ? `a record does not parse: ${reason}` : reason,
  }
}

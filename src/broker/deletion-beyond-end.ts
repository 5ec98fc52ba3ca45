import { BrokerError } from './broker-error.ts'
import type { PartitionBounds } from './topic-store.ts'

/** Of a deletion of all records before an offset that the log does not reach. */
export function deletionBeyondEnd(
  topic: string,
  partition: number,
  offset: number,
  bounds: PartitionBounds,
): BrokerError {
  const { logStartOffset, highWatermark } = bounds
  const detail =
    `Records before offset ${offset} of partition ${partition} of "${topic}" cannot be deleted: the log ends at ` +
    `${highWatermark}. Give at most that offset, or "latest".`
  return new BrokerError('OFFSET_OUT_OF_RANGE', detail, {
    facts: { logStartOffset, highWatermark },
    errors: [{ pointer: '?beforeOffset', detail }],
  })
}

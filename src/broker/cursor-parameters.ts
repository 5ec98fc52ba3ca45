import { BrokerError } from './broker-error.ts'
import type { ReadCursor } from './cursor.ts'
import { parsePartitions } from './partition-selection.ts'
import { parseTime } from './time-expression.ts'
import type { TopicSummary } from './topic-store.ts'

/** What a cursor holds may be repeated beside it, but not changed. */
export function refuseOtherThanCursor(
  cursor: ReadCursor,
  topic: TopicSummary,
  request: { readonly until?: string | undefined; readonly partitions?: string | undefined },
  now: number,
): void {
  if (request.until !== undefined && parseTime(request.until, now, 'until') !== cursor.until) {
    throw heldByCursor('until', request.until)
  }
  if (request.partitions === undefined) return
  const asked = parsePartitions(request.partitions, topic.name, topic.partitionCount)
  const held = cursor.positions.map(({ partition }) => partition)
  if (asked.length !== held.length || asked.some((partition, index) => partition !== held[index])) {
    throw heldByCursor('partitions', request.partitions)
  }
}

function heldByCursor(name: string, value: string): BrokerError {
  const detail =
    `The parameter "${name}" (${JSON.stringify(value.slice(0, 64))}) differs from what the cursor holds: ` +
    `leave it away with a cursor, or start again without one.`
  return new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer: `?${name}`, detail }] })
}

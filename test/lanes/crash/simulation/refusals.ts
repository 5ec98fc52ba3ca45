import { BrokerError } from '../../../../src/broker/broker-error.ts'
import type { ErrorCode } from '../../../../src/broker/error-catalogue.ts'

/** What a client may be told by a server on a disk that does not fail. */
const LAWFUL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'TOPIC_ALREADY_EXISTS',
  'INVALID_PARTITIONS',
  'OFFSET_OUT_OF_RANGE',
  'SERVER_STOPPING',
  'SERVER_OVERLOADED',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'UNKNOWN_MEMBER_ID',
])

/** Throws anything else: it is a bug. */
export function lawful(error: unknown): BrokerError {
  if (error instanceof BrokerError && LAWFUL.has(error.code)) return error
  throw error
}

export function storedNothing(error: BrokerError): boolean {
  return error.options.stored === 'no'
}

import { BrokerError } from '../../../../src/broker/broker-error.ts'
import type { ErrorCode } from '../../../../src/broker/error-catalogue.ts'
import { StartupError } from '../../../../src/embedded/startup-error.ts'

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

/** What it may be told besides while the disk fails. */
const LAWFUL_OF_FAILED_DISK: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'KAFKA_STORAGE_ERROR',
  'COORDINATOR_NOT_AVAILABLE',
])

/** Throws anything else: it is a bug. */
export function lawfulRefusal(error: unknown, diskMayFail: boolean): BrokerError {
  if (error instanceof BrokerError) {
    if (LAWFUL.has(error.code) || (diskMayFail && LAWFUL_OF_FAILED_DISK.has(error.code))) return error
  }
  throw error
}

export function storedNothing(error: BrokerError): boolean {
  return error.options.stored === 'no'
}

/** A start may give up on a disk that fails it, and only there. Throws anything else. */
export function lawfulStartFailure(error: unknown, diskFailed: boolean): undefined {
  if (diskFailed && (error instanceof StartupError || isSystemError(error))) return undefined
  if (error instanceof BrokerError && diskFailed && LAWFUL_OF_FAILED_DISK.has(error.code)) return undefined
  throw error
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EIO' || error.code === 'ENOSPC')
}

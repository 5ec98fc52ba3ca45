import { BrokerError } from '../../broker/broker-error.ts'
import { errorCode } from '../startup-error.ts'

export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

export function diskFull(path: string): Error {
  return Object.assign(new Error(`${path}: the disk is full`), { code: 'ENOSPC' })
}

/** The process, or the machine, has no descriptor left: it passes, and says nothing about the disk. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'EMFILE' || code === 'ENFILE'
}

/** For a request that met it before anything of it was written. */
export function descriptorShortage(directory: string): BrokerError {
  return new BrokerError(
    'KAFKA_STORAGE_ERROR',
    `The server has too many files and connections open to begin a segment in ${directory}. Try again in a moment; if ` +
      `it stays, raise its limit of open files (ulimit -n) or lower log.open.files.max.`,
    { stored: 'no', retryAfterSeconds: 1 },
  )
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}

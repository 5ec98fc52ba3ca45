import { errorCode } from '../startup-error.ts'

export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}

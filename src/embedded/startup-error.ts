import { StartupError } from '../broker/startup-error.ts'

export { StartupError }

/** A newer release wrote it: whatever this one would do to it, it would do harm. */
export class NewerVersionError extends StartupError {}

/** Another program's data: nothing of it is looked at, let alone changed. */
export class ForeignDataError extends StartupError {}

/** Node's code of a system or SQLite error (`ENOENT`, `SQLITE_FULL`); undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return undefined
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The engine refuses to start. The message says what is wrong, where, and what to do about it: it is for the operator,
 * and is shown without a stack. Nothing was changed on disk that a later start would miss.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}

/** A newer release wrote it: whatever this one would do to it, it would do harm. */
export class NewerVersionError extends StartupError {}

/** Node's code of a system or SQLite error (`ENOENT`, `SQLITE_FULL`); undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return undefined
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import * as path from 'node:path'
import Database from 'better-sqlite3'
import { errorCode, errorMessage, StartupError } from '../startup-error.ts'

export const LOCK_FILE = '.lock'

/**
 * Keeps a second process out of a log directory: a SQLite file in an exclusive transaction that is never committed. The
 * kernel frees it when the process ends, by whatever death. The file itself must never be opened by other means in this
 * process: closing any descriptor of it would drop the lock (POSIX).
 */
export class DirectoryLock {
  readonly #database: Database.Database

  private constructor(database: Database.Database) {
    this.#database = database
  }

  /** Throws StartupError at once if somebody else holds it, or if the directory cannot be written. */
  static acquire(directory: string): DirectoryLock {
    const file = path.join(directory, LOCK_FILE)
    let database: Database.Database | undefined
    try {
      database = new Database(file, { timeout: 0 })
      database.exec('BEGIN EXCLUSIVE')
      return new DirectoryLock(database)
    } catch (error) {
      database?.close()
      throw refusal(directory, file, error)
    }
  }

  release(): void {
    if (this.#database.open) this.#database.close()
  }
}

function refusal(directory: string, file: string, error: unknown): StartupError {
  const code = errorCode(error) ?? ''
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new StartupError(
      `The log directory ${directory} is in use: ${file} is locked by another process (or the directory is named twice ` +
        `in log.dirs). Stop that process, or set log.dirs to another directory.`,
      { cause: error },
    )
  }
  if (code.startsWith('SQLITE_NOTADB')) {
    return new StartupError(`${file} is not a lock file of Posthorn. Remove it if no other program needs it.`, {
      cause: error,
    })
  }
  return new StartupError(
    `The log directory ${directory} cannot be locked (${file}: ${errorMessage(error)}). The user that runs the server ` +
      `must be able to read and write it: change its owner or permissions, or set log.dirs to another directory.`,
    { cause: error },
  )
}

import Database from 'better-sqlite3'
import { StartupError } from './startup-error.ts'

const MINIMUM = [3, 51, 3] as const

/** Before 3.51.3 two connections that write and checkpoint at the same time can corrupt a database in WAL mode. */
export function requireSqliteVersion(version = linkedVersion()): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if ((major - MINIMUM[0] || minor - MINIMUM[1] || patch - MINIMUM[2]) >= 0) return
  throw new StartupError(
    `SQLite ${version} can corrupt databases in WAL mode; ${MINIMUM.join('.')} or newer is needed. ` +
      `Install the better-sqlite3 that package-lock.json names (npm ci).`,
  )
}

function linkedVersion(): string {
  const database = new Database(':memory:')
  try {
    return String(database.prepare('SELECT sqlite_version()').pluck().get())
  } finally {
    database.close()
  }
}

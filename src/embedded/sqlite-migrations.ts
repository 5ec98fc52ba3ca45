import * as fs from 'node:fs'
import type { Database } from 'better-sqlite3'
import { NewerVersionError } from './startup-error.ts'

/**
 * Brings a database to the newest schema: `0001-*.sql`, `0002-*.sql`, … of a directory, forward only, each in one
 * transaction together with its number in `PRAGMA user_version`. Running it again changes nothing.
 *
 * Throws NewerVersionError, before anything is written, where the database is newer than the migrations known.
 */
export function migrate(database: Database, migrations: URL): void {
  const steps = migrationSteps(migrations)
  const version = Number(database.pragma('user_version', { simple: true }))
  if (version > steps.length) {
    throw new NewerVersionError(
      `${database.name} has schema version ${version}, written by a newer release; this one knows up to ` +
        `${steps.length}. Nothing was touched. Start the newer release.`,
    )
  }
  for (const [index, sql] of steps.entries()) {
    if (index < version) continue
    database.transaction(() => {
      database.exec(sql)
      database.pragma(`user_version = ${index + 1}`)
    })()
  }
}

function migrationSteps(migrations: URL): string[] {
  const names = fs
    .readdirSync(migrations)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  return names.map((name, index) => {
    if (Number.parseInt(name, 10) !== index + 1) throw new Error(`migration ${name} is out of sequence`)
    return fs.readFileSync(new URL(name, migrations), 'utf8')
  })
}

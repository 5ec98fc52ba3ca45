import assert from 'node:assert/strict'
import { it } from 'node:test'
import { requireSqliteVersion } from '../../src/embedded/sqlite-version.ts'
import { StartupError } from '../../src/embedded/startup-error.ts'

it('refuses a SQLite that can corrupt databases in WAL mode, and takes the one installed', () => {
  for (const version of ['3.51.2', '3.50.9', '2.99.99'])
    assert.throws(() => requireSqliteVersion(version), StartupError)
  for (const version of ['3.51.3', '3.52.0', '4.0.0']) requireSqliteVersion(version)
  requireSqliteVersion()
})

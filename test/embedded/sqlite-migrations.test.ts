import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { migrate } from '../../src/embedded/sqlite-migrations.ts'
import { NewerVersionError } from '../../src/embedded/startup-error.ts'
import { tempDirectory } from '../support/temp-directory.ts'

test('migrations are applied once, in order, each whole or not at all', (t) => {
  const directory = tempDirectory(t)
  const url = pathToFileURL(`${directory}/`)
  const write = (name: string, sql: string): void => fs.writeFileSync(path.join(directory, name), sql)
  const database = new Database(':memory:')
  t.after(() => database.close())
  const version = (): unknown => database.pragma('user_version', { simple: true })

  write('0001-a.sql', 'CREATE TABLE a (x); INSERT INTO a VALUES (1);')
  migrate(database, url)
  migrate(database, url)
  assert.equal(version(), 1)
  write('0002-b.sql', 'INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1);')
  assert.throws(() => migrate(database, url), /nowhere/)
  assert.equal(version(), 1)
  write('0002-b.sql', 'INSERT INTO a VALUES (2);')
  migrate(database, url)
  assert.equal(version(), 2)
  assert.deepEqual(database.prepare('SELECT x FROM a').pluck().all(), [1, 2])
})

test('a newer database is refused, a gap in the numbers is a mistake', (t) => {
  const directory = tempDirectory(t)
  const url = pathToFileURL(`${directory}/`)
  const database = new Database(':memory:')
  t.after(() => database.close())
  database.pragma('user_version = 3')
  assert.throws(() => migrate(database, url), NewerVersionError)
  database.pragma('user_version = 0')
  fs.writeFileSync(path.join(directory, '0002-b.sql'), 'SELECT 1;')
  assert.throws(() => migrate(database, url), /out of sequence/)
})

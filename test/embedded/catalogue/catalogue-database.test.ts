import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { CatalogueDatabase } from '../../../src/embedded/catalogue/catalogue-database.ts'
import type { CatalogueState, CatalogueTopic } from '../../../src/embedded/catalogue/catalogue-state.ts'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

const directories = [
  { directoryId: 'd1', path: '/data/1' },
  { directoryId: 'd2', path: '/data/2' },
]
const orders: CatalogueTopic = {
  topicId: 't1',
  name: 'orders',
  state: 'creating',
  internal: false,
  configs: { 'retention.ms': '-1' },
  partitions: [
    { directoryId: 'd1', logStartOffset: 0 },
    { directoryId: 'd2', logStartOffset: 5 },
  ],
}
const empty: CatalogueState = { clusterId: 'c', generation: 0, directories, topics: [] }

test('each change is there after opening again, and counts', (t) => {
  const file = path.join(tempDirectory(t), 'catalogue.db')
  const made = CatalogueDatabase.create(file, empty)
  made.apply({ kind: 'topic', topic: orders })
  made.apply({ kind: 'topic-state', topicId: 't1', state: 'live' })
  made.apply({ kind: 'topic-configs', topicId: 't1', configs: { 'segment.ms': '1' } })
  made.apply({ kind: 'partitions', topicId: 't1', partitions: [{ directoryId: 'd1', logStartOffset: 0 }] })
  made.apply({ kind: 'directory', directory: { directoryId: 'd2', path: '/elsewhere' } })
  made.close()
  const opened = CatalogueDatabase.open(file)
  const live: CatalogueTopic = {
    ...orders,
    state: 'live',
    configs: { 'segment.ms': '1' },
    partitions: [...orders.partitions, { directoryId: 'd1', logStartOffset: 0 }],
  }
  assert.deepEqual(opened.state(), {
    clusterId: 'c',
    generation: 5,
    directories: [directories[0], { directoryId: 'd2', path: '/elsewhere' }],
    topics: [live],
  })
  opened.apply({ kind: 'topic-gone', topicId: 't1' })
  assert.deepEqual(opened.state().topics, [])
  opened.close()
})

test('a name is free again while its topic is being deleted, and not before', (t) => {
  const file = path.join(tempDirectory(t), 'catalogue.db')
  const catalogue = CatalogueDatabase.create(file, empty)
  cleanUpBehind(t, () => catalogue.close())
  catalogue.apply({ kind: 'topic', topic: orders })
  const again = { ...orders, topicId: 't2' }
  assert.throws(() => catalogue.apply({ kind: 'topic', topic: again }), { code: /SQLITE_CONSTRAINT/ })
  assert.equal(catalogue.state().generation, 1, 'a refused change leaves nothing')
  catalogue.apply({ kind: 'topic-state', topicId: 't1', state: 'deleting' })
  catalogue.apply({ kind: 'topic', topic: again })
  assert.equal(catalogue.state().topics.length, 2)
})

test('a partition on a directory nobody knows is refused', (t) => {
  const file = path.join(tempDirectory(t), 'catalogue.db')
  const catalogue = CatalogueDatabase.create(file, empty)
  cleanUpBehind(t, () => catalogue.close())
  const partitions = [{ directoryId: 'nowhere', logStartOffset: 0 }]
  assert.throws(() => catalogue.apply({ kind: 'topic', topic: { ...orders, partitions } }), {
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  })
  assert.deepEqual(catalogue.state(), empty)
})

test('a missing, damaged, newer or foreign file is refused as it is, naming the file and the remedy', (t) => {
  const directory = tempDirectory(t)
  const file = path.join(directory, 'catalogue.db')
  const refused = (damage: () => void, message: RegExp): void => {
    fs.rmSync(file, { force: true })
    CatalogueDatabase.create(file, { ...empty, topics: [{ ...orders, state: 'live' }] }).close()
    damage()
    const before = fs.existsSync(file) && fs.readFileSync(file)
    assert.throws(
      () => CatalogueDatabase.open(file),
      (error: Error) => {
        assert.equal(error.name, 'StartupError')
        assert.match(error.message, message)
        assert.ok(error.message.includes(file), error.message)
        return true
      },
    )
    assert.deepEqual(fs.existsSync(file) && fs.readFileSync(file), before)
  }
  const remedy = /Nothing was touched.*posthorn repair/
  refused(() => fs.rmSync(file), remedy)
  refused(() => fs.writeFileSync(file, 'not a database at all, whatever its name says'), remedy)
  refused(() => fs.writeFileSync(file, ''), remedy)
  refused(() => fs.truncateSync(file, 4096), remedy)
  refused(() => overwrite(file, 2 * 4096), remedy)
  refused(() => pragma(file, 'user_version = 999'), /schema version 999, written by a newer release/)
  refused(() => pragma(file, 'application_id = 1'), /application_id is 1/)
})

/** Garbage over one page. */
function overwrite(file: string, position: number): void {
  const descriptor = fs.openSync(file, 'r+')
  fs.writeSync(descriptor, Buffer.alloc(4096, 0x5a), 0, 4096, position)
  fs.closeSync(descriptor)
}

function pragma(file: string, text: string): void {
  const database = new Database(file)
  database.pragma(text)
  database.close()
}

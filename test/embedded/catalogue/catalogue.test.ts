import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { Catalogue } from '../../../src/embedded/catalogue/catalogue.ts'
import { decodeSnapshot, encodeSnapshot, readSnapshot } from '../../../src/embedded/catalogue/catalogue-snapshot.ts'
import type { CatalogueState, CatalogueTopic } from '../../../src/embedded/catalogue/catalogue-state.ts'
import { LogDirectory } from '../../../src/embedded/directory/log-directory.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

function logDirectory(t: TestContext, directoryId: string): LogDirectory {
  return new LogDirectory({
    path: tempDirectory(t),
    directoryId,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    reserveBytes: 1024,
  })
}

async function open(t: TestContext, directories: readonly LogDirectory[], initial?: CatalogueState) {
  const [home] = directories
  assert.ok(home)
  const catalogue = await Catalogue.open({
    home,
    directories,
    fileSystem: nodeFileSystem,
    logger: silentLogger,
    ...(initial && { initial }),
  })
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await catalogue.close()
  }
  cleanUpBehind(t, close)
  return { catalogue, close }
}

const initial: CatalogueState = {
  clusterId: 'c',
  generation: 0,
  directories: [{ directoryId: 'd1', path: '/data/1' }],
  topics: [],
}

function topic(topicId: string, name: string): CatalogueTopic {
  const partitions = [{ directoryId: 'd1', logStartOffset: 0 }]
  return { topicId, name, state: 'live', internal: false, configs: {}, partitions }
}

test('the mirror, the file and the snapshots of all directories agree after each change', async (t) => {
  const directories = [logDirectory(t, 'd1'), logDirectory(t, 'd2')]
  const { catalogue, close } = await open(t, directories, initial)
  await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => catalogue.apply({ kind: 'topic', topic: topic(`id-${name}`, name) })),
  )
  await catalogue.apply({ kind: 'topic-gone', topicId: 'id-b' })
  const state = catalogue.state()
  assert.equal(state.generation, 5)
  assert.deepEqual(
    state.topics.map(({ name }) => name),
    ['a', 'c', 'd'],
  )
  for (const directory of directories) assert.deepEqual(await readSnapshot(nodeFileSystem, directory.path), state)
  await close()
  const again = await open(t, directories)
  assert.deepEqual(again.catalogue.state(), state)
})

test('an offline directory gets no snapshot', async (t) => {
  const directories = [logDirectory(t, 'd1'), logDirectory(t, 'd2')]
  directories[1]?.takeOffline('unplugged')
  const { catalogue } = await open(t, directories, initial)
  await catalogue.apply({ kind: 'topic', topic: topic('t', 'a') })
  assert.deepEqual(fs.readdirSync(directories[1]?.path ?? ''), [])
})

test('a snapshot that cannot be written does not fail the change', async (t) => {
  const directories = [logDirectory(t, 'd1'), logDirectory(t, 'd2')]
  const { catalogue } = await open(t, directories, initial)
  fs.mkdirSync(path.join(directories[1]?.path ?? '', 'catalogue.snapshot.tmp'))
  await catalogue.apply({ kind: 'topic', topic: topic('t', 'a') })
  assert.ok(await readSnapshot(nodeFileSystem, directories[0]?.path ?? ''))
})

test('a change that SQLite refuses is an error of the catalogue, after which it takes no more', async (t) => {
  const { catalogue } = await open(t, [logDirectory(t, 'd1')], initial)
  const misplaced = { ...topic('t', 'a'), partitions: [{ directoryId: 'nowhere', logStartOffset: 0 }] }
  const refused = (change: Promise<void>) =>
    assert.rejects(change, (error) => {
      assert.ok(error instanceof BrokerError)
      assert.equal(error.code, 'KAFKA_STORAGE_ERROR')
      assert.equal(error.options.stored, 'no')
      return true
    })
  await refused(catalogue.apply({ kind: 'topic', topic: misplaced }))
  assert.match(catalogue.failure ?? '', /restart/)
  await refused(catalogue.apply({ kind: 'topic', topic: topic('t', 'a') }))
  assert.equal(catalogue.topics.size, 0)
})

test('every flipped bit and every cut of a snapshot is noticed', () => {
  const state = { ...initial, topics: [topic('t', 'a')] }
  const bytes = encodeSnapshot(state)
  assert.deepEqual(decodeSnapshot(bytes), state)
  for (let length = 0; length < bytes.length; length++)
    assert.equal(decodeSnapshot(bytes.subarray(0, length)), undefined)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(decodeSnapshot(flipped), undefined, `bit ${bit}`)
  }
})

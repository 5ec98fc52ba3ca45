import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { silentLogger } from '../../../src/broker/logger.ts'
import type { Catalogue } from '../../../src/embedded/catalogue/catalogue.ts'
import { repairCatalogue, type RepairReport } from '../../../src/embedded/catalogue/repair-catalogue.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../src/embedded/catalogue/catalogue-snapshot.ts'
import { openDirectories } from '../../../src/embedded/directory/open-directories.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

/** Opens the directory, does the work, closes. */
async function use<T>(
  logDir: string | readonly string[],
  work: (catalogue: Catalogue, directoryId: string) => Promise<T>,
): Promise<T> {
  const { catalogue, directories } = await openDirectories({
    logDirs: [logDir].flat(),
    nodeId: 1,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    space: { reserveBytes: 1024 },
    logger: silentLogger,
  })
  try {
    return await work(catalogue, directories[0]?.directoryId ?? '')
  } finally {
    await catalogue.close()
    for (const directory of directories) directory.releaseLock()
  }
}

function makeTopic(logDir: string | readonly string[], name: string): Promise<void> {
  return use(logDir, (catalogue, directoryId) => {
    const partitions = [{ directoryId, logStartOffset: 0 }]
    const configs = { 'retention.ms': '86400000', 'segment.bytes': '1048576' }
    const topic = { topicId: name.padEnd(22, '_'), name, state: 'live', internal: false, configs, partitions } as const
    return catalogue.apply({ kind: 'topic', topic })
  })
}

async function retentionOf(logDir: string | readonly string[]): Promise<string | undefined> {
  return use(logDir, async (catalogue) => [...catalogue.topics.values()][0]?.configs['retention.ms'])
}

async function repair(...logDirs: readonly string[]): Promise<RepairReport> {
  const limits = { offsetsTopicSegmentBytes: 1024 * 1024, topicPartitionsMax: 1000 }
  const options = { nodeId: 1, fileSystem: nodeFileSystem, nowMs: 1_700_000_000_000, ...limits }
  return repairCatalogue({ logDirs, ...options })
}

async function repaired(logDir: string): Promise<boolean> {
  return (await repair(logDir)).repaired
}

test('a flipped bit in a setting, which SQLite takes for sound, stops the start before anything is deleted by it', async (t) => {
  const logDir = tempDirectory(t)
  await makeTopic(logDir, 'orders')
  const file = path.join(logDir, 'catalogue.db')
  const database = new Database(file)
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  const bytes = fs.readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(bytes.indexOf('86400000')) ^ 8, bytes.indexOf('86400000'))
  fs.writeFileSync(file, bytes)
  await assert.rejects(retentionOf(logDir), {
    name: 'StartupError',
    message: /it differs from its copy .*posthorn repair/,
  })
  assert.equal(await repaired(logDir), true)
  assert.equal(await retentionOf(logDir), '86400000')
  assert.equal(await repaired(logDir), false)
})

test('a catalogue that has lost its newest changes is not taken for the whole', async (t) => {
  const logDir = tempDirectory(t)
  await makeTopic(logDir, 'orders')
  const file = path.join(logDir, 'catalogue.db')
  const before = fs.readFileSync(file)
  await makeTopic(logDir, 'invoices')
  for (const suffix of ['-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
  fs.writeFileSync(file, before)
  await assert.rejects(retentionOf(logDir), { name: 'StartupError', message: /older than its copy .*posthorn repair/ })
  assert.equal(await repaired(logDir), true)
  assert.equal(await use(logDir, async (catalogue) => catalogue.topics.size), 2)
})

test('copies that are older, or cannot be read, speak against nothing', async (t) => {
  const logDir = tempDirectory(t)
  await makeTopic(logDir, 'orders')
  const snapshot = path.join(logDir, 'catalogue.snapshot')
  const before = fs.readFileSync(snapshot)
  await makeTopic(logDir, 'invoices')
  fs.writeFileSync(snapshot, before)
  assert.equal(await use(logDir, async (catalogue) => catalogue.topics.size), 2)
  fs.writeFileSync(snapshot, 'damaged')
  assert.equal(await use(logDir, async (catalogue) => catalogue.topics.size), 2)
})

test('every copy of the newest generation is held against it, not one of them alone', async (t) => {
  const base = tempDirectory(t)
  const logDirs = [path.join(base, 'a'), path.join(base, 'b'), path.join(base, 'c')]
  await makeTopic(logDirs, 'orders')
  const [a = '', , c = ''] = logDirs
  const file = path.join(c, 'catalogue.snapshot')
  const state = decodeSnapshot(fs.readFileSync(file))
  assert.ok(state)
  const topics = state.topics.map((topic) => ({ ...topic, configs: { 'retention.ms': '1' } }))
  fs.writeFileSync(file, encodeSnapshot({ ...state, topics }))
  await assert.rejects(retentionOf(logDirs), { name: 'StartupError', message: /differs from its copy .*\/c\/.*repair/ })
  const report = await repair(...logDirs)
  // Two say the same, the database and a copy: they are believed, but nothing is removed by them unseen.
  assert.deepEqual([report.repaired, report.snapshot, report.needsConfirmation], [true, a, true])
  assert.match(report.leftOut?.[0] ?? '', /\/c\/catalogue\.snapshot: it differs from the copy in/)
  assert.equal(await retentionOf(logDirs), '86400000')
  assert.equal((await repair(...logDirs)).repaired, false)
})

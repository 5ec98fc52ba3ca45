import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { repairCatalogue } from '../../../src/embedded/catalogue/repair-catalogue.ts'
import { openDirectories } from '../../../src/embedded/directory/open-directories.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { setTimeout as delay } from 'node:timers/promises'
import type { EmbeddedEngine } from '../../../src/embedded/embedded-engine.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { allValues, publish, readFrom } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

interface Found {
  readonly clusterId: string
  readonly topics: readonly string[]
  readonly online: number
}

const limits = { offsetsTopicSegmentBytes: 1024 * 1024, topicPartitionsMax: 1000 }
const repairing = { nodeId: 1, fileSystem: nodeFileSystem, nowMs: 1_700_000_000_000, ...limits }

/** Opens the directories, makes the topics named, closes, and tells what was there. */
async function use(logDirs: readonly string[], ...names: readonly string[]): Promise<Found> {
  const { catalogue, directories } = await openDirectories({
    logDirs,
    nodeId: 1,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    space: { reserveBytes: 1024 },
    logger: silentLogger,
  })
  try {
    const directoryId = directories[0]?.directoryId ?? ''
    for (const name of names) {
      await catalogue.apply({
        kind: 'topic',
        topic: {
          topicId: name.padEnd(22, '_'),
          name,
          state: 'live',
          internal: false,
          configs: {},
          partitions: [{ directoryId, logStartOffset: 0 }],
        },
      })
    }
    const topics = Array.from(catalogue.topics.values(), (topic) => topic.name).sort()
    return {
      clusterId: catalogue.clusterId,
      topics,
      online: directories.filter((directory) => directory.online).length,
    }
  } finally {
    await catalogue.close()
    for (const directory of directories) directory.releaseLock()
  }
}

function two(t: TestContext): [string, string] {
  const base = tempDirectory(t)
  return [path.join(base, 'a'), path.join(base, 'b')]
}

test('a damaged catalogue stops the start; repair rebuilds it from the newest snapshot and keeps it aside', async (t) => {
  const [a, b] = two(t)
  const before = await use([a, b], 'orders', 'invoices')
  const file = path.join(a, 'catalogue.db')
  fs.writeFileSync(file, 'rubbish')
  // An older copy, and a broken one, must not win.
  fs.writeFileSync(path.join(a, 'catalogue.snapshot'), 'posthorn-catalogue 1 00000000\n{}\n')
  await assert.rejects(use([a, b]), { name: 'StartupError', message: /catalogue\.db is damaged.*posthorn repair/ })
  assert.equal(fs.readFileSync(file, 'utf8'), 'rubbish')
  const report = await repairCatalogue({ logDirs: [b, a], ...repairing })
  assert.deepEqual(report, {
    repaired: true,
    completed: false,
    needsConfirmation: false,
    catalogue: file,
    snapshot: b,
    added: [],
    leftOut: [],
    topicCount: 2,
    keptAside: `${file}.damaged-1`,
  })
  assert.equal(fs.readFileSync(`${file}.damaged-1`, 'utf8'), 'rubbish')
  assert.deepEqual(await use([a, b]), before)
})

test('the newest of several valid snapshots is taken', async (t) => {
  const [a, b] = two(t)
  await use([a, b], 'orders')
  const older = fs.readFileSync(path.join(b, 'catalogue.snapshot'))
  await use([a, b], 'invoices')
  fs.writeFileSync(path.join(b, 'catalogue.snapshot'), older)
  fs.rmSync(path.join(a, 'catalogue.db'))
  const report = await repairCatalogue({ logDirs: [a, b], ...repairing })
  assert.equal(report.snapshot, a)
  assert.equal(report.keptAside, undefined)
  assert.deepEqual((await use([a, b])).topics, ['invoices', 'orders'])
})

test('when the directory of the catalogue is lost, another takes it over; the old one is then refused', async (t) => {
  const [a, b] = two(t)
  const before = await use([a, b], 'orders')
  fs.renameSync(a, `${a}-lost`)
  const report = await repairCatalogue({ logDirs: [a, b], ...repairing })
  assert.equal(report.catalogue, path.join(b, 'catalogue.db'))
  const after = await use([a, b])
  assert.deepEqual(after, { ...before, online: 1 })
  assert.equal(fs.existsSync(a), false)
  fs.renameSync(`${a}-lost`, a)
  await assert.rejects(use([a, b]), /catalogue\.directory\.id/)
})

test('a sound catalogue is left alone', async (t) => {
  const [a] = two(t)
  await use([a], 'orders')
  assert.deepEqual(await repairCatalogue({ logDirs: [a], ...repairing }), {
    repaired: false,
    needsConfirmation: false,
    catalogue: path.join(a, 'catalogue.db'),
    leftOut: [],
    topicCount: 1,
  })
})

/** Leaves partitions of two topics in two directories, groups' offsets, and no catalogue. */
async function loseCatalogue(t: TestContext, logDirs: readonly string[]): Promise<void> {
  const engine = await openEmbeddedEngine(t, { logDirs })
  await makeTopic(engine, 'orders', 4, { 'retention.ms': '1' })
  await makeTopic(engine, 'a-1-b', 1)
  for (let round = 0; round < 3; round++) await publish(engine, 'orders', { 0: ['a'], 1: ['b'], 3: [`c${round}`] })
  await publish(engine, 'a-1-b', { 0: ['x'] })
  await engine.groups.commit('billing', [{ topic: 'orders', partition: 0, nextOffset: 2 }], 'set')
  await engine.close()
  for (const directory of logDirs) {
    for (const name of fs.readdirSync(directory)) {
      if (name.startsWith('catalogue')) fs.writeFileSync(path.join(directory, name), 'rubbish')
    }
  }
}

test('without a snapshot topics come back from their directories, and stay whole until an operator confirms', async (t) => {
  const [a, b] = two(t)
  await loseCatalogue(t, [a, b])
  const report = await repairCatalogue({ logDirs: [a, b], ...repairing })
  assert.deepEqual([report.repaired, report.topicCount, report.leftOut, report.snapshot], [true, 3, [], undefined])
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { logDirs: [a, b], clock })
  assert.deepEqual(await allValues(engine, 'orders', 3), ['c0', 'c1', 'c2'])
  assert.deepEqual(await allValues(engine, 'a-1-b', 0), ['x'])
  assert.equal((await engine.groups.committed('billing'))[0]?.nextOffset, 2)
  assert.equal(engine.topics.find('__consumer_offsets')?.configs.get('cleanup.policy'), 'compact')
  assert.match(
    engine.troubles().find(({ kind }) => kind === 'catalogue-rebuilt')?.detail ?? '',
    /catalogue\.rebuild\.accept/,
  )
  await engine.topics.alterConfigs('orders', new Map([['retention.ms', '1']]))
  const outlived = async (of: EmbeddedEngine): Promise<number> => {
    clock.advance(600_000)
    await delay(200)
    const { parts } = await publish(of, 'orders', { 3: ['later'] })
    const { logStartOffset } = await readFrom(of, { topic: 'orders', partition: 3, offset: parts[0]?.baseOffset ?? 0 })
    return logStartOffset
  }
  assert.equal(await outlived(engine), 0)
  await engine.close()
  // A restart alone is no confirmation, and the copies of the catalogue know of it as well.
  fs.writeFileSync(path.join(a, 'catalogue.db'), 'rubbish')
  await repairCatalogue({ logDirs: [a, b], ...repairing })
  const again = await openEmbeddedEngine(t, { logDirs: [a, b] })
  assert.ok(again.troubles().some(({ kind }) => kind === 'catalogue-rebuilt'))
  await again.close()
  const confirmed = await openEmbeddedEngine(t, { logDirs: [a, b], clock, catalogueRebuildAccepted: true })
  assert.deepEqual(confirmed.troubles(), [])
  // Removal goes on in turns of its own: it is there a moment later.
  let start = await outlived(confirmed)
  for (let turn = 0; turn < 50 && start === 0; turn++) start = await outlived(confirmed)
  assert.ok(start >= 4, `${start}`)
  await confirmed.close()
  const after = await openEmbeddedEngine(t, { logDirs: [a, b] })
  assert.deepEqual(after.troubles(), [])
})

test('a partition that no directory holds is offline; one that two hold is refused, and nothing touched', async (t) => {
  const [a, b] = two(t)
  await loseCatalogue(t, [a, b])
  const [held, other] = fs.existsSync(path.join(a, 'orders-1')) ? [a, b] : [b, a]
  fs.cpSync(path.join(held, 'orders-1'), path.join(other, 'orders-1'), { recursive: true })
  await assert.rejects(repairCatalogue({ logDirs: [a, b], ...repairing }), {
    name: 'StartupError',
    message: /contradicts itself.*orders-1.*same partition/,
  })
  assert.equal(fs.readFileSync(path.join(a, 'catalogue.db'), 'utf8'), 'rubbish')
  for (const directory of [a, b]) fs.rmSync(path.join(directory, 'orders-1'), { recursive: true, force: true })
  await repairCatalogue({ logDirs: [a, b], ...repairing })
  const engine = await openEmbeddedEngine(t, { logDirs: [a, b] })
  const offline = engine.troubles().filter(({ kind }) => kind === 'partition-offline')
  assert.equal(offline.length, 1)
  assert.match(offline[0]?.detail ?? '', /partition 1 of orders .* missing/)
})

test('what is newer than the only valid copy comes back from the directories, what the journal alone has of it too', async (t) => {
  const [a, b] = two(t)
  const engine = await openEmbeddedEngine(t, { logDirs: [a, b] })
  await makeTopic(engine, 'orders', 2, { 'retention.ms': '86400000' })
  await engine.close()
  const older = fs.readFileSync(path.join(b, 'catalogue.snapshot'))
  const later = await openEmbeddedEngine(t, { logDirs: [a, b] })
  await makeTopic(later, 'invoices', 2)
  await later.topics.addPartitions('orders', 4)
  await publish(later, 'invoices', { 0: ['x'], 1: ['y'] })
  await publish(later, 'orders', { 3: ['z'] })
  await later.close()
  fs.writeFileSync(path.join(b, 'catalogue.snapshot'), older)
  for (const name of ['catalogue.db', 'catalogue.snapshot']) fs.writeFileSync(path.join(a, name), 'rubbish')
  const report = await repairCatalogue({ logDirs: [a, b], ...repairing })
  assert.deepEqual([report.snapshot, report.added, report.leftOut], [b, ['invoices', 'orders'], []])
  const repaired = await openEmbeddedEngine(t, { logDirs: [a, b] })
  assert.deepEqual(await allValues(repaired, 'invoices', 0), ['x'])
  assert.deepEqual(await allValues(repaired, 'invoices', 1), ['y'])
  assert.deepEqual(await allValues(repaired, 'orders', 3), ['z'])
  assert.equal(repaired.topics.find('orders')?.configs.get('retention.ms'), '86400000')
  assert.deepEqual(
    repaired.troubles().map(({ kind }) => kind),
    ['catalogue-rebuilt'],
  )
})

test('a directory of another topic of the name is left out, and said so', async (t) => {
  const [a] = two(t)
  await use([a], 'orders')
  const stray = path.join(a, 'orders-0')
  fs.mkdirSync(stray)
  fs.writeFileSync(path.join(stray, 'partition.metadata'), `version: 0\ntopic_id: ${'B'.repeat(22)}\n`)
  fs.writeFileSync(path.join(a, 'catalogue.db'), 'rubbish')
  const report = await repairCatalogue({ logDirs: [a], ...repairing })
  assert.deepEqual([report.topicCount, report.added, report.leftOut?.length], [1, [], 1])
  assert.match(report.leftOut?.[0] ?? '', /orders-0.*BBBB.*not that of 'orders'/)
})

test('a copy of a partition’s directory, named with a date, is no partition of millions', async (t) => {
  const [a, b] = two(t)
  await loseCatalogue(t, [a, b])
  const held = fs.existsSync(path.join(a, 'orders-1')) ? a : b
  fs.cpSync(path.join(held, 'orders-1'), path.join(held, 'orders-20261123'), { recursive: true })
  await assert.rejects(repairCatalogue({ logDirs: [a, b], ...repairing }), {
    name: 'StartupError',
    message: /orders-20261123 would be partition 20261123, but topic\.partitions\.max is 1000/,
  })
  assert.equal(fs.readFileSync(path.join(a, 'catalogue.db'), 'utf8'), 'rubbish')
})

test('repair is refused while the server runs', async (t) => {
  const [a] = two(t)
  const opened = await openDirectories({
    logDirs: [a],
    nodeId: 1,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    space: { reserveBytes: 1024 },
    logger: silentLogger,
  })
  cleanUpBehind(t, async () => {
    await opened.catalogue.close()
    opened.directories[0]?.releaseLock()
  })
  await assert.rejects(repairCatalogue({ logDirs: [a], ...repairing }), /is in use/)
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { CatalogueDatabase } from '../../src/embedded/catalogue/catalogue-database.ts'
import type { CatalogueChange, TopicState } from '../../src/embedded/catalogue/catalogue-state.ts'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { makeTopic } from '../conformance/make-topic.ts'
import { embeddedOptions, openEmbeddedEngine } from '../support/embedded-engine.ts'
import { allValues, batchOf, brokerError, publish, readFrom, valuesOf } from '../support/engine-records.ts'
import { tempDirectory } from '../support/temp-directory.ts'

function logDirs(t: TestContext, count: number): string[] {
  const base = tempDirectory(t)
  return Array.from({ length: count }, (_, index) => path.join(base, `disk-${index}`))
}

/** Changes the catalogue of a stopped engine. */
function change(directory: string, ...changes: readonly CatalogueChange[]): void {
  const database = CatalogueDatabase.open(path.join(directory, 'catalogue.db'))
  for (const each of changes) database.apply(each)
  database.close()
}

function topicStates(directory: string): [string, TopicState][] {
  const database = CatalogueDatabase.open(path.join(directory, 'catalogue.db'))
  const { topics } = database.state()
  database.close()
  const states = topics.map(({ name, state }): [string, TopicState] => [name, state])
  return states.sort(([one], [other]) => (one < other ? -1 : 1))
}

function partitionDirectories(directory: string): string[] {
  return fs
    .readdirSync(directory)
    .filter((name) => /-\d+$/.test(name) && fs.statSync(path.join(directory, name)).isDirectory())
    .sort()
}

test('everything is there again after a clean stop', async (t) => {
  const dirs = logDirs(t, 2)
  const first = await openEmbeddedEngine(t, { logDirs: dirs })
  const topicId = await makeTopic(first, 'orders', 4, { 'retention.ms': '5000' })
  await publish(first, 'orders', { 0: ['a', 'b'], 3: ['c'] })
  await first.groups.commit('billing', [{ topic: 'orders', partition: 0, nextOffset: 1 }], 'set')
  const { clusterId } = await first.cluster()
  await first.close()
  const second = await openEmbeddedEngine(t, { logDirs: dirs.toReversed() })
  assert.equal((await second.cluster()).clusterId, clusterId)
  const summary = second.topics.find('orders')
  assert.deepEqual([summary?.topicId, summary?.partitionCount], [topicId, 4])
  assert.deepEqual(summary?.configs, new Map([['retention.ms', '5000']]))
  assert.deepEqual(await allValues(second, 'orders', 0), ['a', 'b'])
  assert.deepEqual(await allValues(second, 'orders', 3), ['c'])
  assert.equal((await second.groups.committed('billing'))[0]?.nextOffset, 1)
  const { parts } = await publish(second, 'orders', { 0: ['d'] })
  assert.equal(parts[0]?.baseOffset, 2)
})

test('new partitions go to the directory with the fewest', async (t) => {
  const dirs = logDirs(t, 3)
  const engine = await openEmbeddedEngine(t, { logDirs: dirs })
  await makeTopic(engine, 'one', 1)
  await makeTopic(engine, 'five', 5)
  await engine.topics.addPartitions('five', 8)
  const counts = (await engine.logDirs()).map(({ partitionCount }) => partitionCount)
  assert.deepEqual(counts, [3, 3, 3])
  assert.deepEqual(
    dirs.map((directory) => partitionDirectories(directory).length),
    [3, 3, 3],
  )
})

test('a creation that was broken off is gone with its files; so is a deletion', async (t) => {
  const dirs = logDirs(t, 2)
  const [home = ''] = dirs
  const first = await openEmbeddedEngine(t, { logDirs: dirs })
  const creating = await makeTopic(first, 'creating', 4)
  const deleting = await makeTopic(first, 'deleting', 4)
  await makeTopic(first, 'kept', 2)
  await publish(first, 'deleting', { 0: ['x'], 1: ['y'] })
  await publish(first, 'kept', { 0: ['k'] })
  await first.close()
  change(
    home,
    { kind: 'topic-state', topicId: creating, state: 'creating' },
    { kind: 'topic-state', topicId: deleting, state: 'deleting' },
  )
  // As far as a creation that only reached the directory of a partition.
  fs.rmSync(path.join(dirs[1] ?? '', partitionDirectories(dirs[1] ?? '')[0] ?? '', 'partition.metadata'))
  const second = await openEmbeddedEngine(t, { logDirs: dirs })
  assert.deepEqual(
    second.topics.list().map(({ name }) => name),
    ['kept'],
  )
  assert.deepEqual(dirs.flatMap(partitionDirectories).sort(), ['kept-0', 'kept-1'])
  assert.deepEqual(second.troubles(), [])
  await makeTopic(second, 'creating', 2)
  await makeTopic(second, 'deleting', 2)
  assert.deepEqual(await allValues(second, 'deleting', 0), [])
  assert.deepEqual(await allValues(second, 'kept', 0), ['k'])
  await second.close()
  assert.deepEqual(topicStates(home), [
    ['creating', 'live'],
    ['deleting', 'live'],
    ['kept', 'live'],
  ])
})

test('partitions whose addition was broken off go if none of them has records, and are all left alone if one has', async (t) => {
  const [home = ''] = logDirs(t, 1)
  const first = await openEmbeddedEngine(t, { logDirs: [home] })
  const topicId = await makeTopic(first, 'orders', 1)
  await makeTopic(first, 'invoices', 1)
  await first.close()
  for (const partition of ['orders-1', 'orders-2', 'invoices-1', 'invoices-2']) {
    const metadata = path.join(home, partition.replace(/\d$/, '0'), 'partition.metadata')
    fs.mkdirSync(path.join(home, partition))
    fs.copyFileSync(metadata, path.join(home, partition, 'partition.metadata'))
    fs.writeFileSync(path.join(home, partition, `${'0'.repeat(20)}.log`), partition === 'invoices-2' ? 'records' : '')
  }
  const second = await openEmbeddedEngine(t, { logDirs: [home] })
  assert.equal(second.topics.find('orders')?.topicId, topicId)
  assert.deepEqual(partitionDirectories(home), ['invoices-0', 'invoices-1', 'invoices-2', 'orders-0'])
  const [trouble] = second.troubles()
  assert.equal(trouble?.kind, 'partitions-unknown')
  assert.match(trouble.detail, /2 partition directories: .*invoices-1, .*invoices-2\./)
})

test('partitions of a missing directory are offline, the others are served; it all comes back', async (t) => {
  const dirs = logDirs(t, 2)
  const [, lost = ''] = dirs
  const first = await openEmbeddedEngine(t, { logDirs: dirs })
  await makeTopic(first, 'orders', 2)
  await publish(first, 'orders', { 0: ['a'], 1: ['b'] })
  const onLost = (await first.topics.partitions('orders')).find(({ logDir }) => logDir === lost)?.partition ?? -1
  const served = 1 - onLost
  await first.close()
  fs.renameSync(lost, `${lost}-away`)

  const second = await openEmbeddedEngine(t, { logDirs: dirs })
  const described = await second.topics.partitions('orders')
  assert.deepEqual(
    described.map(({ online, leader }) => [online, leader]),
    [0, 1].map((partition) => (partition === onLost ? [false, -1] : [true, 1])),
  )
  const storageError = brokerError('KAFKA_STORAGE_ERROR', { stored: 'no' })
  await assert.rejects(publish(second, 'orders', { [onLost]: ['x'] }), storageError)
  const both = await publish(second, 'orders', { 0: ['x'], 1: ['x'] })
  storageError(both.parts[onLost]?.error)
  assert.equal(both.parts[onLost]?.baseOffset, -1)
  assert.equal(both.parts[served]?.baseOffset, 1)
  storageError((await readFrom(second, { topic: 'orders', partition: onLost, offset: 0 })).error)
  const [answer] = await second.listOffsets([{ topic: 'orders', partition: onLost, at: 'latest' }])
  storageError(answer?.error)
  assert.deepEqual(
    second.troubles().map(({ kind, notReady }) => [kind, notReady]),
    [['log-dir-offline', false]],
  )
  const states = (await second.logDirs()).map(({ path: directory, state, reason }) => [directory, state, reason])
  assert.deepEqual(states, [
    [dirs[0], 'online', undefined],
    [lost, 'offline', 'it is missing'],
  ])
  await makeTopic(second, 'more', 3)
  assert.ok((await second.topics.partitions('more')).every(({ logDir }) => logDir === dirs[0]))
  await second.close()

  fs.rmSync(lost, { recursive: true, force: true })
  fs.renameSync(`${lost}-away`, lost)
  const third = await openEmbeddedEngine(t, { logDirs: dirs })
  assert.deepEqual(await allValues(third, 'orders', onLost), [onLost === 0 ? 'a' : 'b'])
  assert.deepEqual(await allValues(third, 'orders', served), [served === 0 ? 'a' : 'b', 'x'])
  assert.deepEqual(third.troubles(), [])
})

test('a topic deleted while a directory is away is deleted there when it is back', async (t) => {
  const dirs = logDirs(t, 2)
  const [home = '', lost = ''] = dirs
  const first = await openEmbeddedEngine(t, { logDirs: dirs })
  await makeTopic(first, 'orders', 2)
  await first.close()
  fs.renameSync(lost, `${lost}-away`)
  const second = await openEmbeddedEngine(t, { logDirs: dirs })
  await second.topics.delete('orders')
  assert.equal(second.topics.find('orders'), undefined)
  await makeTopic(second, 'orders', 1)
  await publish(second, 'orders', { 0: ['new'] })
  await second.close()
  assert.deepEqual(
    topicStates(home)
      .map(([, state]) => state)
      .sort(),
    ['deleting', 'live'],
  )
  fs.renameSync(`${lost}-away`, lost)
  const third = await openEmbeddedEngine(t, { logDirs: dirs })
  assert.deepEqual(partitionDirectories(lost), [])
  assert.deepEqual(await allValues(third, 'orders', 0), ['new'])
  await third.close()
  assert.deepEqual(topicStates(home), [['orders', 'live']])
})

test('a damaged catalogue stops the start and changes nothing; the locks are free', async (t) => {
  const [home = ''] = logDirs(t, 1)
  await (await openEmbeddedEngine(t, { logDirs: [home] })).close()
  const file = path.join(home, 'catalogue.db')
  const sound = fs.readFileSync(file)
  fs.writeFileSync(file, 'rubbish')
  const options = embeddedOptions(t, { logDirs: [home] })
  await assert.rejects(EmbeddedEngine.open(options), { name: 'StartupError', message: /is damaged.*posthorn repair/ })
  assert.equal(fs.readFileSync(file, 'utf8'), 'rubbish')
  fs.writeFileSync(file, sound)
  await (await openEmbeddedEngine(t, { logDirs: [home] })).close()
})

test('a clean stop leaves the checkpoints that the tools of Kafka read', async (t) => {
  const [home = ''] = logDirs(t, 1)
  const engine = await openEmbeddedEngine(t, { logDirs: [home] })
  await makeTopic(engine, 'orders', 2)
  await publish(engine, 'orders', { 1: ['a', 'b', 'c'] })
  await engine.close()
  const lines = (name: string): string[] => fs.readFileSync(path.join(home, name), 'utf8').split('\n').sort()
  for (const name of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint']) {
    assert.deepEqual(lines(name), ['', '0', '2', 'orders 0 0', 'orders 1 3'])
  }
  assert.deepEqual(lines('log-start-offset-checkpoint'), ['', '0', '2', 'orders 0 0', 'orders 1 0'])
})

test('the number of partitions is bounded, of a topic and of all, with the limit in the error', async (t) => {
  const limits = { ...embeddedOptions(t).limits, partitionsPerTopicMax: 3, partitionsMax: 5 }
  const engine = await openEmbeddedEngine(t, { limits })
  await assert.rejects(makeTopic(engine, 'wide', 4), brokerError('INVALID_PARTITIONS', { facts: { maximum: 3 } }))
  await assert.rejects(makeTopic(engine, 'none', 0), brokerError('INVALID_PARTITIONS'))
  await makeTopic(engine, 'first', 3)
  const tooMany = brokerError('INVALID_PARTITIONS', { facts: { maximum: 5, partitions: 3 } })
  await assert.rejects(makeTopic(engine, 'second', 3), tooMany)
  const both = await Promise.allSettled([makeTopic(engine, 'third', 2), makeTopic(engine, 'fourth', 2)])
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  await engine.topics.create({ name: '__internal', partitionCount: 3, configs: new Map(), internal: true })
  await assert.rejects(engine.topics.addPartitions('third', 3), brokerError('INVALID_PARTITIONS'))
})

test('more bytes under way than allowed are refused, one request alone never is', async (t) => {
  const limits = { ...embeddedOptions(t).limits, produceInflightBytesMax: 1000 }
  const engine = await openEmbeddedEngine(t, { limits })
  await makeTopic(engine, 'orders')
  const big = 'x'.repeat(2000)
  const results = await Promise.allSettled([1, 2].map(() => publish(engine, 'orders', { 0: [big] })))
  assert.equal(results[0]?.status, 'fulfilled')
  const [, second] = results
  assert.equal(second?.status, 'rejected')
  brokerError('SERVER_OVERLOADED', { stored: 'no', retryAfterSeconds: 1 })(second.reason)
  await publish(engine, 'orders', { 0: [big] })
  assert.equal((await allValues(engine, 'orders', 0)).length, 2)
})

test('a thousand partitions are served again in little time, every one with its records', async (t) => {
  const [home = ''] = logDirs(t, 1)
  const first = await openEmbeddedEngine(t, { logDirs: [home] })
  await makeTopic(first, 'wide', 1000)
  const parts = Array.from({ length: 1000 }, (_, partition) => ({ partition, batches: [batchOf([`p${partition}`])] }))
  await first.append({ topic: 'wide', parts, acks: 'all' })
  await first.close()
  const second = await openEmbeddedEngine(t, { logDirs: [home] })
  for (const partition of [0, 1, 499, 998, 999]) {
    const read = await readFrom(second, { topic: 'wide', partition, offset: 0 })
    assert.deepEqual(valuesOf(read), [`p${partition}`])
  }
  assert.equal(second.statistics().partitionCount, 1000)
})

test('a topic whose directories would be called like the files of the journal is refused', async (t) => {
  const engine = await openEmbeddedEngine(t)
  await assert.rejects(makeTopic(engine, 'journal'), brokerError('INVALID_TOPIC_EXCEPTION'))
  await makeTopic(engine, 'journal-0', 2)
  await publish(engine, 'journal-0', { 1: ['a'] })
  assert.deepEqual(await allValues(engine, 'journal-0', 1), ['a'])
})

test('a closed engine lets another take its directories at once', async (t) => {
  const dirs = logDirs(t, 2)
  const first = await openEmbeddedEngine(t, { logDirs: dirs })
  await assert.rejects(openEmbeddedEngine(t, { logDirs: dirs }), { name: 'StartupError', message: /is in use/ })
  await first.close()
  await (await openEmbeddedEngine(t, { logDirs: dirs })).close()
})

test('an id in the form of Kafka never begins with a dash', async (t) => {
  let calls = 0
  const random = (sizeBytes: number): Uint8Array => {
    calls++
    return calls % 2 === 1 ? Buffer.alloc(sizeBytes, 0xfb) : randomBytes(sizeBytes)
  }
  assert.ok(Buffer.alloc(16, 0xfb).toString('base64url').startsWith('-'))
  const engine = await openEmbeddedEngine(t, { random })
  const topicId = await makeTopic(engine, 'orders')
  assert.match(topicId, /^[^-]/)
})

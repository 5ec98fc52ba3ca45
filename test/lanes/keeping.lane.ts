import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { ServerProcess } from '../support/server-process.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { KeyedWriters, LogReader } from './keeping/keyed-writers.ts'
import { api, type Answer } from './keeping/api.ts'

/**
 * What is kept and what goes, on the real server with short times and small segments: retention, deleted records,
 * compaction under load with kill -9, and a disk that fills.
 */

const MIB = 1024 * 1024
const KILLS = process.env['LIVE_KEEPING'] === 'long' ? 30 : 5

interface Lane {
  readonly directory: string
  readonly settings: readonly string[]
  server: ServerProcess
  readonly call: (method: string, path: string, body?: unknown) => Promise<Answer>
}

async function startLane(t: TestContext, directory: string, more: readonly string[] = []): Promise<Lane> {
  const settings = [
    `log.dirs=${directory}`,
    'port=0',
    'log.retention.check.interval.ms=200',
    'log.cleaner.backoff.ms=100',
    'journal.file.bytes=8388608',
    ...more,
  ]
  const server = await ServerProcess.start({ command: [process.execPath, 'src/main.ts'], settings })
  const lane: Lane = {
    directory,
    settings,
    server,
    call: (method, path, body) => api(lane.server.url, method, path, body),
  }
  cleanUpBehind(t, async () => {
    await lane.server.stop()
  })
  return lane
}

async function crashAndStart(lane: Lane): Promise<void> {
  await lane.server.kill9()
  lane.server = await ServerProcess.start({ command: [process.execPath, 'src/main.ts'], settings: lane.settings })
}

/** Until the condition holds; what it last saw is told where it never does. */
async function eventually<T>(what: string, seconds: number, look: () => Promise<T>, holds: (seen: T) => boolean) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (Date.now() > end) assert.fail(`${what} did not come about within ${seconds} s: ${JSON.stringify(seen)}`)
    await pause(50)
  }
}

async function fill(lane: Lane, topic: string, bytes: number): Promise<void> {
  const value = 'x'.repeat(10_000)
  for (let sent = 0; sent < bytes; sent += 500_000) {
    const records = Array.from({ length: 50 }, (_, key) => ({ key: `k${key}`, value, partition: 0 }))
    const { status, text } = await lane.call('POST', `/topics/${topic}/records`, { records })
    assert.equal(status, 200, text)
  }
}

const partition = async (lane: Lane, topic: string) => (await lane.call('GET', `/topics/${topic}/partitions/0`)).body

test('retention by size and by time removes whole segments, their files, and nothing more', async (t) => {
  const lane = await startLane(t, tempDirectory(t))
  const configs = { 'segment.bytes': MIB, 'retention.bytes': 3 * MIB, 'file.delete.delay.ms': 300 }
  await lane.call('PUT', '/topics/sized', { partitions: 1, configs })
  await fill(lane, 'sized', 12 * MIB)
  const kept = await eventually(
    'retention by size',
    10,
    () => partition(lane, 'sized'),
    ({ sizeBytes }) => sizeBytes < 5 * MIB,
  )
  assert.ok(kept.sizeBytes >= 3 * MIB, 'never below retention.bytes')
  assert.ok(kept.logStartOffset > 0)
  const gone = await lane.call('GET', '/topics/sized/partitions/0/records?offset=0')
  assert.equal(gone.status, 410)
  assert.equal(gone.body.logStartOffset, kept.logStartOffset)
  const first = await lane.call('GET', `/topics/sized/partitions/0/records?offset=${kept.logStartOffset}&maxRecords=1`)
  assert.equal(first.body.records[0].offset, kept.logStartOffset)
  await eventually(
    'removal of the files',
    10,
    () => Promise.resolve(readdirSync(join(lane.directory, 'sized-0')).filter((name) => name.includes('.log'))),
    (files) => files.length === kept.segments.length,
  )

  // Time: in force at the next check, without a restart; the active segment goes too, and offsets go on.
  await lane.call('PATCH', '/topics/sized', { configs: { 'retention.ms': 1 } })
  const empty = await eventually(
    'retention by time',
    10,
    () => partition(lane, 'sized'),
    ({ sizeBytes }) => sizeBytes === 0,
  )
  assert.equal(empty.logStartOffset, empty.highWatermark)
  await crashAndStart(lane)
  const after = await partition(lane, 'sized')
  assert.deepEqual([after.logStartOffset, after.highWatermark], [empty.logStartOffset, empty.highWatermark])
  await lane.call('PATCH', '/topics/sized', { configs: { 'retention.ms': -1 } })
  const published = await lane.call('POST', '/topics/sized/records', { records: [{ value: 'on' }] })
  assert.equal(published.body.records[0].offset, empty.highWatermark)
})

test('deleted records stay deleted through kill -9, and their files go', async (t) => {
  const lane = await startLane(t, tempDirectory(t))
  const configs = { 'segment.bytes': MIB, 'file.delete.delay.ms': 100, 'retention.ms': -1 }
  await lane.call('PUT', '/topics/cut', { partitions: 1, configs })
  await fill(lane, 'cut', 6 * MIB)
  const { highWatermark } = await partition(lane, 'cut')
  const before = highWatermark - 10
  const deleted = await lane.call('DELETE', `/topics/cut/partitions/0/records?beforeOffset=${before}`)
  assert.equal(deleted.body.logStartOffset, before, deleted.text)
  await crashAndStart(lane)
  const cut = await eventually(
    'removal of the segments',
    10,
    () => partition(lane, 'cut'),
    ({ segments }) => segments.length < 3,
  )
  assert.deepEqual([cut.logStartOffset, cut.highWatermark], [before, highWatermark])
  const read = await lane.call('GET', '/topics/cut/records?from=earliest')
  assert.deepEqual(
    read.body.records.map(({ offset }: { offset: number }) => offset),
    Array.from({ length: 10 }, (_, index) => before + index),
  )
})

test(`compaction under load with ${KILLS} × kill -9 keeps the last value of each key`, async (t) => {
  const lane = await startLane(t, tempDirectory(t))
  const configs = {
    'cleanup.policy': 'compact',
    'segment.bytes': MIB,
    'min.cleanable.dirty.ratio': 0.05,
    'file.delete.delay.ms': 100,
    'delete.retention.ms': 86_400_000,
  }
  await lane.call('PUT', '/topics/state', { partitions: 2, configs })
  const writers = new KeyedWriters(() => lane.server.url, 'state', { writers: 4, keysEach: 500, valueBytes: 400 })
  const reader = new LogReader(() => lane.server.url, 'state', 2)
  const work = Promise.all([writers.run(), reader.run()])
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(1500)
    await crashAndStart(lane)
  }
  await pause(1500)
  writers.stop()
  await eventually(
    'compaction',
    30,
    () => lane.call('GET', '/topics/state/partitions'),
    ({ body }) =>
      body.items.every(
        ({ segments, sizeBytes }: { segments: unknown[]; sizeBytes: number }) =>
          sizeBytes < 4 * MIB && segments.length < 6,
      ),
  )
  reader.stop()
  await work
  const { checkedKeys, storedRecords } = await writers.check()
  assert.equal(checkedKeys, 2000)
  assert.ok(storedRecords < writers.acknowledged / 2, `${storedRecords} of ${writers.acknowledged} records are left`)
  await crashAndStart(lane)
  assert.equal((await writers.check()).checkedKeys, 2000)
  t.diagnostic(`${writers.acknowledged} acknowledged, ${storedRecords} stored, ${reader.seen} read, ${KILLS} kills`)
})

test('a request is known again after compaction and retention took its records, and through kill -9', async (t) => {
  const lane = await startLane(t, tempDirectory(t))
  const configs = {
    'cleanup.policy': 'compact',
    'compression.type': 'zstd',
    'segment.bytes': MIB,
    'min.cleanable.dirty.ratio': 0.01,
    'file.delete.delay.ms': 100,
  }
  await lane.call('PUT', '/topics/known', { partitions: 1, configs })
  const send = (sequence: number): Promise<Answer> => {
    // Noise, so that it fills segments although it is compressed.
    const records = Array.from({ length: 10 }, (_, key) => ({ key: `k${key}`, value: noise(sequence * 10 + key) }))
    const headers = { 'Producer-Id': 'shop', 'Producer-Sequence': String(sequence) }
    return api(lane.server.url, 'POST', '/topics/known/records', { records }, headers)
  }
  const answers: Answer[] = []
  for (let sequence = 0; sequence < 100; sequence++) answers.push(await send(sequence))
  const repeats = async (): Promise<void> => {
    for (let sequence = 95; sequence < 100; sequence++) {
      const repeated = await send(sequence)
      assert.equal(repeated.status, 200, repeated.text)
      assert.deepEqual(repeated.body, { ...answers[sequence]?.body, duplicate: true })
    }
  }
  await eventually(
    'compaction',
    20,
    () => partition(lane, 'known'),
    ({ segments, compaction }) => compaction.cleanedAt > 0 && segments.length < 4,
  )
  const { compaction } = await partition(lane, 'known')
  assert.ok(compaction.recordsKept < compaction.recordsRead)
  await repeats()
  await lane.call('PATCH', '/topics/known', { configs: { 'cleanup.policy': 'delete', 'retention.ms': 1 } })
  const { highWatermark } = await eventually(
    'retention',
    20,
    () => partition(lane, 'known'),
    ({ sizeBytes }) => sizeBytes === 0,
  )
  await repeats()
  await crashAndStart(lane)
  await repeats()
  assert.equal((await partition(lane, 'known')).highWatermark, highWatermark, 'nothing was stored a second time')
  const next = await send(100)
  assert.deepEqual([next.body.duplicate, next.body.records[0].offset], [false, highWatermark])
})

test('a disk that fills: 503 before it is full, commits and deletions go on, and it heals by itself', async (t) => {
  const directory = tempDirectory(t)
  if (!mounts(directory, 160)) {
    assert.ok(process.env['CI'] === undefined, 'a tmpfs must be mountable in CI')
    t.skip('mounting a tmpfs needs root')
    return
  }
  cleanUpBehind(t, () => void execFileSync('umount', ['-l', directory]))
  const lane = await startLane(t, directory, ['log.dir.reserve.bytes=4194304', `log.dir.free.min.bytes=${32 * MIB}`])
  for (const topic of ['small', 'large']) {
    await lane.call('PUT', `/topics/${topic}`, { partitions: 1, configs: { 'segment.bytes': 4 * MIB } })
  }
  await fill(lane, 'small', MIB)
  const commit = (nextOffset: number) =>
    lane.call('POST', '/consumer-groups/g/offsets', { offsets: [{ topic: 'small', partition: 0, nextOffset }] })
  assert.equal((await commit(1)).status, 200)
  let refused: Answer | undefined
  const records = Array.from({ length: 50 }, () => ({ value: 'x'.repeat(10_000) }))
  for (let request = 0; request < 1000 && refused === undefined; request++) {
    const answer = await lane.call('POST', '/topics/large/records', { records })
    if (answer.status !== 200) refused = answer
  }
  assert.equal(refused?.status, 503, refused?.text)
  assert.deepEqual([refused.body.code, refused.body.stored], ['KAFKA_STORAGE_ERROR', 'no'])
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.match(refused.body.detail, /bytes are free/)
  const health = await lane.call('GET', '/health/ready')
  assert.match(health.text, /disk-full/)
  assert.equal((await commit(2)).status, 200, 'committed offsets go on')
  assert.equal((await lane.call('GET', '/topics/small/records?maxRecords=1')).body.records.length, 1)
  assert.equal((await lane.call('DELETE', '/topics/small/partitions/0/records?beforeOffset=1')).status, 200)
  await crashAndStart(lane)
  assert.equal((await lane.call('GET', '/topics/large/records?maxRecords=1')).body.records.length, 1)
  assert.equal((await lane.call('DELETE', '/topics/large')).status, 204)
  await eventually(
    'publishing',
    5,
    () => lane.call('POST', '/topics/small/records', { records: [{ value: 'on' }] }),
    ({ status }) => status === 200,
  )
  assert.doesNotMatch((await lane.call('GET', '/health/ready')).text, /disk-full/)
})

/** Text of 8 KB that does not compress much, the same for the same number. */
function noise(seed: number): string {
  return Array.from({ length: 128 }, (_, block) => hash('sha256', `${seed}/${block}`)).join('')
}

function mounts(directory: string, sizeMib: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', directory], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

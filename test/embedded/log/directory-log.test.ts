import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLogAppendTime, maxTimestamp, recordCount } from '../../../src/codec/record-batch.ts'
import { batchOf, brokerError, EPOCH_MS } from '../../support/engine-records.ts'
import { LOG_DIRECTORY, openLog, partitionOf, TOPIC_ID, placementOf } from '../../support/log-directory-fixture.ts'
import { JOURNALS, fresh, put, valuesIn } from './fresh-log.ts'

test('offsets are dense over requests and partitions, and what is acknowledged is visible', async () => {
  const { disk, log } = await fresh(2)
  assert.deepEqual(await put(log, 0, ['a', 'b']), [{ partition: 0, baseOffset: 0, logAppendTime: -1 }])
  const both = await log.append(
    [0, 1].map((partition) => ({ log: partitionOf(log, partition), batches: [batchOf(['c']), batchOf(['d', 'e'])] })),
    'all',
  )
  assert.deepEqual(
    both.map(({ baseOffset }) => baseOffset),
    [2, 0],
  )
  assert.equal(partitionOf(log, 0).highWatermark, 5)
  assert.deepEqual(await valuesIn(disk, log), ['a', 'b', 'c', 'd', 'e'])
})

test('single records that wait together share a batch, within the topic limit', async () => {
  const { log } = await fresh(1, { 'max.message.bytes': '300' })
  await put(log, 0, ['alone'])
  const results = await Promise.all(Array.from({ length: 9 }, (_, i) => put(log, 0, [`value ${i}`])))
  assert.deepEqual(
    results.map(([result]) => result?.baseOffset),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  const { tail } = partitionOf(log, 0)
  assert.ok(tail.length < 6, `${tail.length} batches`)
  assert.ok(tail.every(({ bytes }) => bytes.length <= 300))
  assert.equal(
    tail.reduce((sum, { bytes }) => sum + recordCount(bytes, 0), 0),
    10,
  )
})

test('acks=1 is answered before the sync, acks=0 at once; both are committed', async () => {
  const { disk, log } = await fresh()
  const syncs = () => disk.calls.get('datasync') ?? 0
  const before = syncs()
  assert.deepEqual(await put(log, 0, ['queued'], '0'), [{ partition: 0, baseOffset: -1, logAppendTime: -1 }])
  assert.equal(partitionOf(log, 0).highWatermark, 0)
  const [written] = await put(log, 0, ['written'], '1')
  assert.equal(written?.baseOffset, 1)
  assert.equal(syncs(), before)
  assert.equal(partitionOf(log, 0).highWatermark, 0)
  assert.equal(partitionOf(log, 0).logEndOffset, 2)
  await put(log, 0, ['durable'])
  assert.deepEqual(await valuesIn(disk, log), ['queued', 'written', 'durable'])
})

test('LogAppendTime never goes back, though the clock does', async () => {
  const { log, clock } = await fresh(1, { 'message.timestamp.type': 'LogAppendTime' })
  const [first] = await put(log, 0, ['a'])
  clock.jump(-60_000)
  const [second] = await put(log, 0, ['b', 'c'])
  assert.equal(first?.logAppendTime, EPOCH_MS)
  assert.equal(second?.logAppendTime, EPOCH_MS)
  for (const { bytes } of partitionOf(log, 0).tail) {
    assert.ok(isLogAppendTime(bytes, 0))
    assert.equal(maxTimestamp(bytes, 0), EPOCH_MS)
  }
})

test('LogAppendTime does not go back over a restart either, though a segment was begun since the last record', async () => {
  const { disk, log, clock, placements } = await fresh(1, { 'message.timestamp.type': 'LogAppendTime' })
  const [first] = await put(log, 0, ['a'])
  assert.ok(await log.rollActive(partitionOf(log, 0)))
  await log.close()
  clock.jump(-60_000)
  const again = await openLog(disk, placements, { clock })
  const [second] = await put(again, 0, ['b'])
  assert.equal(second?.logAppendTime, first?.logAppendTime)
})

test('a large request goes to its segment directly, behind what is pending; small ones to other partitions go on', async () => {
  const { disk, log, placements } = await fresh(2)
  await put(log, 0, ['small'])
  const large = put(log, 0, [`large ${'x'.repeat(10_000)}`])
  const behind = put(log, 0, ['behind'])
  const aside = put(log, 1, ['aside'])
  await aside
  assert.equal(partitionOf(log, 0).highWatermark, 1)
  assert.equal((await large)[0]?.baseOffset, 1)
  assert.equal((await behind)[0]?.baseOffset, 2)
  assert.ok(log.statistics().directBytes > 10_000)
  assert.ok(log.statistics().journalBytes < 10_000 * 3)
  const again = await openLog(disk.crash('none'), placements)
  assert.equal(partitionOf(again, 0).highWatermark, 3)
})

test('a damaged direct append is fenced, and what follows it is served', async () => {
  const { disk, log, placements } = await fresh()
  await put(log, 0, ['before'])
  await put(log, 0, [`large ${'x'.repeat(10_000)}`])
  await put(log, 0, ['after'])
  const { path } = partitionOf(log, 0).activeSegment
  const survivor = disk.kill()
  survivor.alter(path, (bytes) => {
    bytes[5000] = (bytes[5000] ?? 0) ^ 1
    return bytes
  })
  const again = await openLog(survivor, placements)
  const { fenced, highWatermark, sizeBytes } = partitionOf(again, 0)
  assert.equal(highWatermark, 3)
  const [range] = fenced
  assert.deepEqual([range?.from, range?.to], [1, 2])
  assert.ok(range?.resume && range.resume.position > 10_000 && range.resume.position < sizeBytes)
  assert.deepEqual(
    again.troubles().map(({ kind }) => kind),
    ['partition-fenced'],
  )
  // Neither a clean stop nor a checkpoint forgets it.
  await again.close()
  const third = await openLog(survivor, placements)
  assert.deepEqual(partitionOf(third, 0).fenced, fenced)
})

test('a clean start reads nothing but the journal and the sizes of segments', async () => {
  const { disk, log, placements } = await fresh(3)
  for (let i = 0; i < 30; i++) await put(log, i % 3, [`value ${i}`])
  const before = partitionOf(log, 1).segments.map(({ sizeBytes, maxTimestamp: newest }) => ({ sizeBytes, newest }))
  await log.close()
  const survivor = disk.crash('none')
  survivor.fail({ kinds: ['read'], pathContains: '.log', nth: 1, code: 'EIO', sticky: true })
  const again = await openLog(survivor, placements)
  assert.equal(again.state, 'online', again.reason)
  const after = partitionOf(again, 1).segments.map(({ sizeBytes, maxTimestamp: newest }) => ({ sizeBytes, newest }))
  assert.deepEqual(after, before)
  assert.equal(partitionOf(again, 1).highWatermark, 10)
})

test('many starts and stops do not make the journal grow', async () => {
  const { disk, log, placements } = await fresh()
  await put(log, 0, ['a'])
  await log.close()
  for (let i = 0; i < 60; i++) await (await openLog(disk, placements)).close()
  for (const name of ['journal-0', 'journal-1']) {
    assert.ok((await disk.stat(`${LOG_DIRECTORY}/${name}`)).sizeBytes <= 64 * 1024 + 256 * 1024)
  }
  assert.deepEqual(await valuesIn(disk, await openLog(disk, placements)), ['a'])
})

test('a deleted topic refuses at once, drops what is pending, and its directories go', async () => {
  const { disk, log } = await fresh(2)
  const dropped = partitionOf(log, 0)
  let woken = 0
  dropped.onAdvance(() => woken++)
  await put(log, 0, ['pending'])
  const underWay = put(log, 0, ['under way'])
  const drop = log.dropTopic(TOPIC_ID)
  const refused = log.append([{ log: dropped, batches: [batchOf(['x'])] }], 'all')
  await assert.rejects(refused, brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' }))
  await Promise.allSettled([underWay])
  await drop
  assert.ok(woken >= 2)
  assert.equal(log.partition(TOPIC_ID, 0), undefined)
  assert.deepEqual(
    (await disk.readdir(LOG_DIRECTORY)).filter((name) => !JOURNALS.test(name)),
    [],
  )
  assert.equal(log.statistics().pendingBytes, 0)
  const other = { ...placementOf(0), topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
  const made = await log.createPartition(other)
  const [result] = await log.append([{ log: made, batches: [batchOf(['new'])] }], 'all')
  assert.equal(result?.baseOffset, 0)
  await log.close()
  const again = await openLog(disk.crash('none'), [other])
  assert.equal(again.partition(other.topicId, 0)?.highWatermark, 1)
})

test('a directory named as deleted goes at the start, unless its topic lives', async () => {
  const { disk, log, placements } = await fresh()
  await put(log, 0, ['a'])
  await log.close()
  const deleted = `${LOG_DIRECTORY}/orders-0.${'0'.repeat(32)}-delete`
  await disk.rename(`${LOG_DIRECTORY}/orders-0`, deleted)
  await (await openLog(disk, placements)).close()
  assert.ok((await disk.readdir(LOG_DIRECTORY)).includes(`orders-0.${'0'.repeat(32)}-delete`))
  await openLog(disk, [])
  assert.deepEqual(
    (await disk.readdir(LOG_DIRECTORY)).filter((name) => name.endsWith('-delete')),
    [],
  )
})

test('a batch larger than a segment is refused', async () => {
  const { log } = await fresh(1, { 'segment.bytes': '1048576' })
  await assert.rejects(put(log, 0, ['x'.repeat(1_048_576)]), brokerError('RECORD_LIST_TOO_LARGE', { stored: 'no' }))
})

test('closing ends what is under way, refuses what follows, and may be repeated', async () => {
  const { disk, log, placements } = await fresh()
  const waiting = [put(log, 0, ['a']), put(log, 0, [`b${'x'.repeat(9000)}`]), put(log, 0, ['c'])]
  const closing = log.close()
  await assert.rejects(put(log, 0, ['late']), brokerError('SERVER_STOPPING', { stored: 'no' }))
  await Promise.all([...waiting, closing, log.close()])
  const again = await openLog(disk.crash('none'), placements)
  assert.equal(partitionOf(again, 0).highWatermark, 3)
})

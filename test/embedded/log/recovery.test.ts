import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FRAME_ALIGNMENT_BYTES } from '../../../src/embedded/commit/frame.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  LOG_DIRECTORY,
  newDisk,
  openLog,
  partitionOf,
  placementOf,
  recordsIn,
} from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const SEGMENT = `${LOG_DIRECTORY}/orders-0/00000000000000000000.log`
const placements = [placementOf(0)]

interface Written {
  readonly disk: MemoryFileSystem
  readonly values: readonly string[]
  /** How many of them a checkpoint covers. */
  readonly covered: number
}

/** A segment of a few batches; some below a checkpoint and in the file, the others in the journal alone. */
async function written(covered: number, uncovered: number): Promise<Written> {
  const disk = await newDisk()
  const log = await openLog(disk, [], { clock: new FakeClock() })
  await log.createPartitions(placements)
  const values = Array.from({ length: covered + uncovered }, (_, index) => `value ${index}`)
  for (const [index, value] of values.entries()) {
    if (index === covered) await log.checkpoint()
    await log.append([{ log: partitionOf(log, 0), batches: [batchOf([value])] }], 'all')
  }
  if (uncovered === 0) await log.checkpoint()
  return { disk: disk.crash('none'), values, covered }
}

test('a segment cut at any byte is restored from the journal, or its lost range is fenced', async () => {
  const { disk, values, covered } = await written(4, 4)
  const coveredBytes = disk.contentOf(SEGMENT).length
  // All of it in the file, as if the lazy writes had been through.
  const restored = disk.crash('all')
  await openLog(restored, placements)
  const whole = restored.contentOf(SEGMENT)
  assert.ok(whole.length > coveredBytes)
  for (let length = 0; length < whole.length; length++) {
    const copy = disk.crash('all')
    copy.alter(SEGMENT, () => whole.subarray(0, length))
    const log = await openLog(copy, placements)
    assert.equal(log.state, 'online', log.reason)
    const { highWatermark, fenced } = partitionOf(log, 0)
    assert.equal(highWatermark, values.length)
    const [range] = fenced
    assert.equal(range?.to, length < coveredBytes ? covered : undefined, `cut at byte ${length}`)
    const intact = values.filter((_, offset) => offset < (range?.from ?? 0) || offset >= (range?.to ?? 0))
    for (const value of intact) assert.ok(copy.contentOf(SEGMENT).includes(value), `${value}, cut at byte ${length}`)
    const lost = values.slice(range?.from ?? covered, covered)
    const [firstLost] = lost
    assert.ok(firstLost === undefined || !whole.subarray(0, length).includes(`${firstLost}\0`), `cut at byte ${length}`)
  }
})

test('a newest segment that is gone costs its own records: what comes next goes into the file made anew', async () => {
  const { disk, values } = await written(4, 0)
  await disk.unlink(SEGMENT)
  const log = await openLog(disk, placements)
  assert.deepEqual(
    partitionOf(log, 0).fenced.map(({ from, to }) => ({ from, to })),
    [{ from: 0, to: values.length }],
  )
  const [appended] = await log.append([{ log: partitionOf(log, 0), batches: [batchOf(['next'])] }], 'all')
  assert.equal(appended?.baseOffset, values.length)
  await log.checkpoint()
  assert.equal(log.state, 'online', log.reason)
  await log.close()
  const again = await openLog(disk, placements)
  assert.ok(disk.contentOf(SEGMENT).includes('next'))
  assert.deepEqual([again.state, partitionOf(again, 0).highWatermark], ['online', values.length + 1])
  await again.close()
})

test('bytes that no frame speaks of are set aside, and are no records', async () => {
  const { disk, values } = await written(2, 2)
  const stray = batchOf(['never acknowledged']).bytes
  disk.alter(SEGMENT, (bytes) => Buffer.concat([bytes, Buffer.alloc(500, 7), stray]))
  const unfinished = `${LOG_DIRECTORY}/orders-0/00000000000000000099.log`
  await (await disk.open(unfinished, { create: true })).write([stray], 0)
  const log = await openLog(disk, placements)
  const records = await recordsIn(disk, partitionOf(log, 0))
  assert.deepEqual(
    records.map(({ value }) => value),
    values,
  )
  const names = await disk.readdir(`${LOG_DIRECTORY}/orders-0`)
  assert.ok(!names.includes('00000000000000000099.log'))
  const torn = names.filter((name) => name.endsWith('.torn'))
  assert.equal(torn.length, 2)
  const kept = torn.map((name) => disk.contentOf(`${LOG_DIRECTORY}/orders-0/${name}`))
  assert.ok(kept.every((bytes) => bytes.includes('never acknowledged')))
})

test('the remains of an interrupted cleaning go, and nothing else', async () => {
  const { disk, values } = await written(3, 0)
  const bytes = disk.contentOf(SEGMENT)
  const directory = `${LOG_DIRECTORY}/orders-0`
  const names = [
    '00000000000000000000.1.log.swap',
    '00000000000000000000.2.log.cleaned',
    '00000000000000000007.1.log.deleted',
  ]
  for (const name of [...names, '00000000000000000000.log.swap']) {
    await (await disk.open(`${directory}/${name}`, { create: true })).write([bytes], 0)
  }
  const log = await openLog(disk, placements)
  assert.deepEqual(
    (await recordsIn(disk, partitionOf(log, 0))).map(({ value }) => value),
    values,
  )
  // Of a name that nothing of ours ever has.
  const kept = ['00000000000000000000.log', '00000000000000000000.log.swap', 'partition.metadata']
  assert.deepEqual((await disk.readdir(directory)).sort(), kept)
})

/** Damages the n-th frame from the end of the journal. */
function damageFrame(disk: MemoryFileSystem, fromEnd: number): void {
  disk.alter(`${LOG_DIRECTORY}/journal-0`, (bytes) => {
    const frames: number[] = []
    for (let at = FRAME_ALIGNMENT_BYTES; at < bytes.length; at += FRAME_ALIGNMENT_BYTES) {
      if (bytes.readUInt32BE(at) === 0x50484a46) frames.push(at)
    }
    const at = frames.at(-fromEnd) ?? 0
    bytes[at + 150] = (bytes[at + 150] ?? 0) ^ 0x40
    return bytes
  })
}

test('a newest frame that does not hold is the torn end of a write: its records were not acknowledged', async () => {
  const { disk, values } = await written(2, 3)
  damageFrame(disk, 1)
  const log = await openLog(disk, placements)
  assert.deepEqual(
    (await recordsIn(disk, partitionOf(log, 0))).map(({ value }) => value),
    values.slice(0, -1),
  )
  assert.deepEqual(partitionOf(log, 0).fenced, [])
})

test('a damaged frame before good ones is rot: its records are fenced, those behind are served, nothing is cut', async () => {
  const { disk, values } = await written(2, 4)
  damageFrame(disk, 3)
  disk.alter(SEGMENT, (bytes) => Buffer.concat([bytes, Buffer.from('left alone')]))
  const log = await openLog(disk, placements)
  const partition = partitionOf(log, 0)
  assert.equal(partition.highWatermark, values.length)
  const [range] = partition.fenced
  assert.deepEqual([range?.from, range?.to], [3, 4])
  const file = disk.contentOf(SEGMENT)
  for (const value of [...values.slice(0, 3), ...values.slice(4)]) assert.ok(file.includes(value))
  const resumed = batchOf([values[4] ?? '']).bytes
  assert.ok(file.subarray(range?.resume?.position ?? 0).includes(resumed.subarray(70)))
  assert.ok(!(await disk.readdir(`${LOG_DIRECTORY}/orders-0`)).some((name) => name.endsWith('.torn')))
})

test('what rot took from the journal is kept where the segment has it already', async () => {
  const disk = await newDisk()
  const clock = new FakeClock()
  const log = await openLog(disk, [], { clock })
  await log.createPartitions(placements)
  await log.checkpoint()
  for (const value of ['a', 'b', 'c']) {
    await log.append([{ log: partitionOf(log, 0), batches: [batchOf([value])] }], 'all')
  }
  clock.advance(100)
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  const survivor = disk.kill()
  damageFrame(survivor, 2)
  const again = await openLog(survivor, placements)
  assert.deepEqual(
    (await recordsIn(survivor, partitionOf(again, 0))).map(({ value }) => value),
    ['a', 'b', 'c'],
  )
  assert.deepEqual(partitionOf(again, 0).fenced, [])
})

test('where a lost round may have given offsets out and nothing tells which, they are skipped, not given out again', async () => {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  const both = [placementOf(0), placementOf(1)]
  await log.createPartitions(both)
  const put = (partition: number, value: string) =>
    log.append([{ log: partitionOf(log, partition), batches: [batchOf([value])] }], 'all')
  await put(0, 'kept')
  await put(0, 'lost')
  await put(1, 'later')
  const survivor = disk.crash('none')
  damageFrame(survivor, 2)
  const again = await openLog(survivor, both)
  const [range] = partitionOf(again, 0).fenced
  assert.equal(range?.from, 1)
  assert.ok(range.to > 2)
  const [next] = await again.append([{ log: partitionOf(again, 0), batches: [batchOf(['new'])] }], 'all')
  assert.equal(next?.baseOffset, range.to)
  assert.equal(partitionOf(again, 1).highWatermark, 1)
  assert.deepEqual(partitionOf(again, 1).fenced, [])
  await again.close()
  const third = await openLog(survivor, both)
  assert.deepEqual(partitionOf(third, 0).fenced, partitionOf(again, 0).fenced)
})

test('recovery can be repeated: a crash at any call of it changes nothing', async () => {
  for (let nth = 1; ; nth++) {
    const { disk, values } = await written(2, 4)
    disk.fail({ nth, code: 'EIO', sticky: true })
    await openLog(disk, placements)
    const spent = disk.faultsSpent
    const survivor = nth % 2 === 0 ? disk.crash('none') : disk.kill()
    const log = await openLog(survivor, placements)
    assert.equal(log.state, 'online', `${log.reason}, fault at call ${nth}`)
    assert.deepEqual(
      (await recordsIn(survivor, partitionOf(log, 0))).map(({ value }) => value),
      values,
    )
    if (!spent) return assert.ok(nth > 10)
  }
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Logger } from '../../../src/broker/logger.ts'
import type { TopicConfig } from '../../../src/broker/topic-config.ts'
import { Retention } from '../../../src/embedded/retention/retention.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { newDisk, openLog, partitionOf, placementOf } from '../../support/log-directory-fixture.ts'
import { cleanedOf } from '../../support/segment-change-log.ts'

const HOUR_MS = 3_600_000
const INTERVAL_MS = 300_000

async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A partition with a segment for each timestamp, and what keeps it. */
async function kept(timestamps: readonly number[], config: Partial<TopicConfig>, checkIntervalMs = INTERVAL_MS) {
  const disk = await newDisk()
  const clock = new FakeClock()
  const settings = { ...config }
  const placement = placementOf(0)
  const placements = [{ ...placement, config: () => ({ ...placement.config(), segmentBytes: 80, ...settings }) }]
  const log = await openLog(disk, [], { clock })
  await log.createPartitions(placements)
  const partition = partitionOf(log, 0)
  for (const timestamp of timestamps) {
    await log.append([{ log: partition, batches: [batchOf(['x'], timestamp)] }], 'all')
  }
  const warnings: string[] = []
  const told: Logger = { info() {}, error() {}, warn: (_, message) => void warnings.push(message) }
  let believed = true
  const retention = new Retention({
    checkIntervalMs,
    hosts: () => [{ log }],
    fileSystem: disk,
    clock,
    deletionClock: { mayDeleteAfter: () => believed },
    logger: told,
  })
  const doubt = (doubted: boolean): void => void (believed = !doubted)
  const bases = () => partition.segments.map(({ baseOffset }) => baseOffset)
  return { disk, clock, log, partition, retention, warnings, settings, doubt, bases }
}

const NOW = new FakeClock().now()

describe('Retention', () => {
  it('looks half a minute behind the start, then each interval, with the config of that moment', async () => {
    const { clock, retention, settings, bases } = await kept([NOW, NOW + 1, NOW + 2], { retentionMs: HOUR_MS })
    retention.start()
    clock.advance(29_999)
    await turns()
    assert.equal(clock.pendingTimers > 0, true)
    clock.advance(1)
    await turns()
    assert.deepEqual(bases(), [0, 1, 2])
    settings.retentionMs = 30_001 + INTERVAL_MS - 2
    clock.advance(INTERVAL_MS)
    await turns()
    assert.deepEqual(bases(), [1, 2])
    clock.advance(INTERVAL_MS)
    await turns()
    assert.deepEqual(bases(), [3])
    await retention.stop()
  })

  it('stops', async () => {
    const { clock, retention, bases } = await kept([NOW - HOUR_MS], { retentionMs: 0 }, 1000)
    retention.start()
    await retention.stop()
    clock.advance(HOUR_MS)
    await turns()
    assert.deepEqual(bases(), [0])
  })

  it('empties an idle partition, whose offsets go on', async () => {
    const { log, clock, partition, retention, bases } = await kept([NOW - 5, NOW - 4], { retentionMs: 3 })
    await retention.check()
    assert.deepEqual(bases(), [2])
    assert.equal(partition.logStartOffset, 2)
    const [appended] = await log.append([{ log: partition, batches: [batchOf(['y'], NOW)] }], 'all')
    assert.equal(appended?.baseOffset, 2)
    const { lastRemoval } = retention.report(partition)
    assert.deepEqual(lastRemoval && { ...lastRemoval, bytes: lastRemoval.bytes > 0 }, {
      removedMs: clock.now(),
      segments: 2,
      bytes: true,
      logStartOffset: 2,
      by: { byLogStart: 0, bySize: 0, byTime: 2 },
    })
  })

  it('tells once of a timestamp yet to come, which keeps all that is behind', async () => {
    const { retention, warnings, partition, bases } = await kept([NOW + HOUR_MS, NOW - 5], { retentionMs: 3 })
    await retention.check()
    await retention.check()
    assert.deepEqual(bases(), [0, 1])
    assert.equal(warnings.length, 1)
    assert.equal(retention.report(partition).pinnedByTimestamp, NOW + HOUR_MS)
  })

  it('goes by the time of the file where no record has one', async () => {
    const { clock, retention, bases } = await kept([-1, -1], { retentionMs: HOUR_MS })
    // The disk of this test has written everything at the beginning of time.
    assert.ok(clock.now() > HOUR_MS)
    await retention.check()
    assert.deepEqual(bases(), [2])
  })

  it('goes by the time of the file where compaction has written it, which hands on that of the last one replaced', async () => {
    const { clock, disk, log, partition, retention, bases } = await kept([-1, -1], { retentionMs: HOUR_MS })
    await log.layPending(partition)
    const change = await cleanedOf(disk, partition, partition.segments.slice(0, 1), () => true)
    const began = change.added.map((facts) => ({ ...facts, createdMs: clock.now() }))
    assert.equal(await log.applyChange(partition, { ...change, added: began }), true)
    await retention.check()
    assert.deepEqual(bases(), [2])
  })

  it('lets a segment without timestamps be while its file cannot be found', async () => {
    const { clock, disk, partition, retention, bases } = await kept([-1, -1], { retentionMs: 0 })
    clock.advance(HOUR_MS)
    disk.fail({ kinds: ['stat'], pathContains: '.log', nth: 1, code: 'ENOENT' })
    await retention.check()
    assert.deepEqual(bases(), [0, 1])
    assert.equal(retention.report(partition).pinnedByTimestamp, undefined)
  })

  it('goes on with other partitions where the time of a file cannot be told', async () => {
    const { clock, disk, retention, warnings, bases } = await kept([-1, -1], { retentionMs: 0 })
    clock.advance(HOUR_MS)
    disk.fail({ kinds: ['stat'], pathContains: '.log', nth: 1, code: 'EIO' })
    await retention.check()
    assert.deepEqual(warnings, ['old segments could not be removed'])
    assert.deepEqual(bases(), [0, 1])
    await retention.check()
    assert.deepEqual(bases(), [2])
  })

  it('removes by size and by the log start, nothing by age, while the clock is doubted', async () => {
    const { retention, partition, settings, doubt, bases } = await kept([1, 2, 3, 4], { retentionMs: 0 })
    doubt(true)
    partition.logStartOffset = 1
    await retention.check()
    assert.deepEqual(bases(), [1, 2, 3])
    settings.retentionBytes = 1
    await retention.check()
    assert.deepEqual(bases(), [3])
    doubt(false)
    await retention.check()
    assert.deepEqual(bases(), [4])
  })

  it('tells what fails, and tries again with the next check', async () => {
    const { disk, log, retention, warnings, bases } = await kept([1, 2], { retentionMs: 0 })
    disk.fail({ kinds: ['open'], pathContains: '00000000000000000002.log', nth: 1, code: 'EMFILE' })
    await retention.check()
    assert.deepEqual([log.state, warnings.length, bases().length], ['online', 1, 2])
    disk.healFaults()
    await retention.check()
    assert.deepEqual(bases(), [2])
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpaceGuard } from '../../../src/embedded/commit/space-guard.ts'
import { SpaceReserve } from '../../../src/embedded/directory/space-reserve.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LOG_DIRECTORY, newDisk } from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

const RESERVE = 500_000
const LOW_WATER = 100_000
/** More has to come back before records are taken again. */
const RESUME = LOW_WATER / 16

function guarded(disk: MemoryFileSystem): { reserve: SpaceReserve; guard: SpaceGuard; clock: FakeClock } {
  const clock = new FakeClock()
  const reserve = new SpaceReserve({
    fileSystem: disk,
    path: LOG_DIRECTORY,
    random: (sizeBytes) => Buffer.alloc(sizeBytes, 'r'),
    reserveBytes: RESERVE,
  })
  const guard = new SpaceGuard({ fileSystem: disk, clock, path: LOG_DIRECTORY, lowWaterBytes: LOW_WATER, reserve })
  return { reserve, guard, clock }
}

test('what was held back and given up is not used for records, and held back again as soon as it fits', async () => {
  const disk = await newDisk({ totalBytes: RESERVE + LOW_WATER })
  const { reserve, guard } = guarded(disk)
  assert.equal(await reserve.restore(), true)
  assert.equal(await guard.refusal(0), undefined)
  assert.equal(await guard.release(), true)
  assert.equal(await guard.release(), false, 'there is nothing more to give up')
  // All that was given up is free, and somebody else takes a byte of it.
  disk.totalBytes -= 1
  assert.match((await guard.refusal(0)) ?? '', /599999 bytes are free, but 606250 are kept free/)
  disk.totalBytes += 1 + RESUME
  assert.equal(await guard.refusal(0), undefined)
  assert.equal(reserve.held, true)
  assert.equal((await disk.space()).freeBytes, LOW_WATER + RESUME)
  assert.match((await guard.refusal(RESUME + 1)) ?? '', /106250 bytes are free, but 106250 are kept free/)
})

test('once refused, records are taken again when there is room for many', async () => {
  const disk = await newDisk({ totalBytes: RESERVE + LOW_WATER + 1000 })
  const { reserve, guard } = guarded(disk)
  await reserve.restore()
  assert.equal(await guard.refusal(1000), undefined)
  assert.notEqual(await guard.refusal(1001), undefined)
  assert.notEqual(await guard.refusal(0), undefined)
  disk.totalBytes += RESUME - 1000
  assert.equal(await guard.refusal(0), undefined)
  assert.equal(await guard.refusal(RESUME), undefined)
})

test('what a process before this one holds back counts', async () => {
  const disk = await newDisk({ totalBytes: RESERVE + LOW_WATER })
  await guarded(disk).reserve.restore()
  const { guard, reserve } = guarded(disk)
  assert.equal(await guard.refusal(0), undefined)
  assert.equal(reserve.held, true)
})

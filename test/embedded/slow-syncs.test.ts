import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileSystem } from '../../src/embedded/file-system.ts'
import type { DirectoryLog } from '../../src/embedded/log/directory-log.ts'
import { OpenFiles } from '../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../src/embedded/log/partition-reader.ts'
import { limitSyncs } from '../../src/embedded/sync-limits.ts'
import { batchOf } from '../support/engine-records.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openLog, partitionOf, placementOf, tinyLimits } from '../support/log-directory-fixture.ts'
import { MemoryFileSystem } from '../support/memory-file-system.ts'
import { MemorySegmentIndex } from '../support/memory-segment-index.ts'
import { ThreadPoolFileSystem } from '../support/thread-pool-file-system.ts'

/** As `main.ts` sets it. */
const POOL_THREADS = 16
const DIRECTORIES = ['/a', '/b', '/c', '/d', '/e', '/f', '/g', '/h', '/i', '/j']
const PARTITIONS = [0, 1, 2, 3, 4, 5, 6, 7]
const STEP_MS = 5
/** Enough for all that needs no time to be done before the clock moves on. */
const TURNS_A_STEP = 25

interface Disks {
  readonly clock: FakeClock
  readonly pool: ThreadPoolFileSystem
  readonly logs: readonly DirectoryLog[]
  readonly reader: PartitionReader
}

async function openDisks(limited: (pool: FileSystem) => FileSystem): Promise<Disks> {
  const clock = new FakeClock()
  const memory = new MemoryFileSystem()
  const pool = new ThreadPoolFileSystem(memory, clock, POOL_THREADS)
  const fileSystem = limited(pool)
  const files = new OpenFiles({ fileSystem, limit: 200 })
  const logs = await Promise.all(
    DIRECTORIES.map(async (path) => {
      await memory.mkdir(path)
      const log = await openLog(fileSystem, [], { clock, path, files, limits: { ...tinyLimits, tailCacheBytes: 4096 } })
      await log.createPartitions(PARTITIONS.map((partition) => placementOf(partition)))
      return log
    }),
  )
  return { clock, pool, logs, reader: new PartitionReader({ files, index: new MemorySegmentIndex() }) }
}

/** Requests one behind the other: most through the journal, some to their segments directly. */
async function write(
  log: DirectoryLog,
  partition: number,
  running: () => boolean,
  answered: () => void,
): Promise<void> {
  for (let request = partition; running(); request++) {
    const value = 'x'.repeat(request % 4 === 0 ? 8000 : 200)
    await log.append([{ log: partitionOf(log, partition), batches: [batchOf([value])] }], 'all')
    answered()
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

async function read(
  { clock, reader, logs }: Disks,
  from: 'start' | 'end',
  running: () => boolean,
  took: number[],
): Promise<void> {
  for (let round = 0; running(); round++) {
    const log = logs[round % logs.length]
    assert.ok(log)
    const view = partitionOf(log, round % PARTITIONS.length)
    const before = clock.monotonic()
    const page = await reader.read(view, from === 'start' ? 0 : view.highWatermark - 1, 4096)
    took.push(clock.monotonic() - before)
    assert.ok(page.bytes > 0)
    await turns(3)
  }
}

test('reads stay fast while every sync takes a second and publishing has the disks to itself', async () => {
  const disks = await openDisks(limitSyncs)
  const { clock, pool, logs } = disks
  let publishing = true
  let reading = true
  let answers = 0
  const fill = logs.flatMap((log) =>
    PARTITIONS.map((partition) =>
      log.append([{ log: partitionOf(log, partition), batches: [batchOf(['y'.repeat(5000)])] }], 'all'),
    ),
  )
  await Promise.all(fill)
  pool.syncMs = 1000
  const writers = logs.flatMap((log) =>
    PARTITIONS.flatMap((partition) =>
      [1, 2].map(() =>
        write(
          log,
          partition,
          () => publishing,
          () => answers++,
        ),
      ),
    ),
  )
  const fromFiles: number[] = []
  const fromMemory: number[] = []
  const readers = [
    ...[1, 2, 3].map(() => read(disks, 'start', () => reading, fromFiles)),
    read(disks, 'end', () => reading, fromMemory),
  ]
  for (let ms = 0; ms < 6000; ms += STEP_MS) {
    await turns(TURNS_A_STEP)
    clock.advance(STEP_MS)
  }
  reading = false
  publishing = false
  const all = Promise.all([...readers, ...writers]).then(() => 'ended')
  const step = (): Promise<string> => turns(TURNS_A_STEP).then(() => 'goes on')
  while ((await Promise.race([all, step()])) === 'goes on') clock.advance(STEP_MS)
  assert.ok(writers.length > POOL_THREADS && answers > 100, `${answers} answers`)
  assert.ok(pool.syncsMax > 4, 'other syncs than those of the journals were under way')
  for (const took of [fromFiles, fromMemory]) {
    const sorted = took.toSorted((a, b) => a - b)
    assert.ok(sorted.length > 100, `only ${sorted.length} reads`)
    const p99 = sorted[Math.floor(sorted.length * 0.99)]
    assert.ok(p99 !== undefined && p99 <= 50, `p99 ${p99} ms, longest ${sorted.at(-1)} ms of ${sorted.length}`)
  }
})

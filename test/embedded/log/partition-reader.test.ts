import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { releaseBatch } from '../../../src/codec/batch-buffer.ts'
import { compressionTypes } from '../../../src/codec/compression.ts'
import { crc32c } from '../../../src/codec/crc32c.ts'
import { baseOffset, batchSizeBytes, checkBatch, setLogAppendTime } from '../../../src/codec/record-batch.ts'
import type { FileSystem } from '../../../src/embedded/file-system.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import { decodeBatch } from '../../support/record-spans.ts'
import { StoredPartition } from '../../support/stored-partition.ts'

interface Scene {
  readonly partition: StoredPartition
  readonly index: MemorySegmentIndex
  readonly reader: PartitionReader
}

async function scene(t: TestContext): Promise<Scene> {
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'posthorn-reader-'))
  const files = new OpenFiles({ fileSystem: nodeFileSystem })
  t.after(async () => {
    await files.closeAll()
    await fs.rm(directory, { recursive: true, force: true })
  })
  const index = new MemorySegmentIndex()
  return { partition: new StoredPartition(directory), index, reader: new PartitionReader({ files, index }) }
}

/** Three segments in files of ten batches of three records, the last two batches in memory alone. */
async function smallLog(t: TestContext, options: { readonly indexed?: boolean } = {}): Promise<Scene> {
  const made = await scene(t)
  const { partition } = made
  for (let batch = 0; batch < 30; batch++) {
    if (batch > 0 && batch % 10 === 0) {
      await partition.lay({ forget: true })
      partition.roll()
    }
    partition.append([batch * 10, batch * 10 + 1, batch * 10 + 2], 100)
    if (batch === 27) await partition.lay({ forget: true })
  }
  if (options.indexed ?? true) partition.indexInto(made.index, 600)
  return made
}

function offsetsIn(batches: readonly Buffer[]): number[] {
  const offsets: number[] = []
  for (const run of batches) {
    for (let at = 0; at < run.length; at += batchSizeBytes(run, at)) {
      assert.equal(checkBatch(run, at, run.length), 'valid')
      for (const record of decodeBatch(run.subarray(at, at + batchSizeBytes(run, at)))) {
        offsets.push(record.offset)
        assert.ok(record.value?.toString().startsWith(`${record.offset}:`))
      }
    }
  }
  return offsets
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, place) => from + place)

/** Makes the checksum fit what a test has written over. */
function resealBatch(bytes: Buffer): void {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
}

async function flip(file: string, position: number, bit = 1): Promise<void> {
  const bytes = await fs.readFile(file)
  bytes[position] = (bytes[position] ?? 0) ^ bit
  await fs.writeFile(file, bytes)
}

function corruptAt(offset: number, nextReadableOffset: number) {
  return (error: unknown) => {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.code, 'CORRUPT_MESSAGE')
    assert.equal(error.options.facts?.['offset'], offset)
    assert.equal(error.options.facts?.['nextReadableOffset'], nextReadableOffset)
    return true
  }
}

describe('PartitionReader.read', () => {
  it('gives up the memory of a page that is released, and of nothing else', async (t) => {
    const { partition, reader } = await smallLog(t)
    const page = await reader.read(partition, 0, 1_000_000)
    const pieces = [...page.batches]
    const other = await reader.read(partition, 0, 1_000_000)
    page.release()
    assert.ok(pieces.length > 1, 'files and memory')
    assert.ok(pieces.every((piece) => piece.length === 0))
    page.release()
    assert.equal(offsetsIn(other.batches).length, 90)
    assert.equal(offsetsIn((await reader.read(partition, 0, 1_000_000)).batches).length, 90)
  })

  it('gives pages that last: a batch that leaves memory takes nothing from them', async (t) => {
    const { partition, reader } = await scene(t)
    for (let batch = 0; batch < 40; batch++) partition.append([batch], 60_000)
    const { batches } = await reader.read(partition, 5, 10_000_000)
    for (const { bytes } of partition.tail) releaseBatch(bytes)
    assert.ok(
      partition.tail.some(({ bytes }) => bytes.length === 0),
      'memory was given up',
    )
    assert.deepEqual(
      offsetsIn(batches),
      Array.from({ length: 35 }, (_, place) => place + 5),
    )
  })

  it('gives everything from any offset on, over segment ends and into memory', async (t) => {
    const { partition, reader } = await smallLog(t)
    for (let offset = 0; offset < 90; offset++) {
      const page = await reader.read(partition, offset, 1_000_000)
      assert.deepEqual(offsetsIn(page.batches), range(offset - (offset % 3), 90))
      assert.equal(page.nextOffset, 90)
      assert.equal(page.bytes, page.batches.reduce((sum, run) => sum + run.length, 0)) // prettier-ignore
    }
  })

  it('gives nothing at the high watermark and up to the log end, and refuses what is beyond either end', async (t) => {
    const { partition, reader } = await smallLog(t)
    partition.highWatermark = 88
    const page = await reader.read(partition, 84, 1_000_000)
    assert.deepEqual(offsetsIn(page.batches), [84, 85, 86])
    assert.equal(page.nextOffset, 87)
    for (const offset of [88, 90]) assert.equal((await reader.read(partition, offset, 1000)).bytes, 0)
    partition.logStartOffset = 5
    await assert.rejects(reader.read(partition, 91, 1000), { code: 'OFFSET_OUT_OF_RANGE', status: 416 })
    await assert.rejects(reader.read(partition, 4, 1000), { code: 'OFFSET_OUT_OF_RANGE', status: 410 })
  })

  it('keeps to the bytes asked for, but gives the first batch whatever its size', async (t) => {
    const { partition, reader } = await smallLog(t)
    const size = partition.batches[0]!.bytes.length
    assert.deepEqual(offsetsIn((await reader.read(partition, 0, 1)).batches), [0, 1, 2])
    assert.deepEqual(offsetsIn((await reader.read(partition, 0, size * 2 - 1)).batches), [0, 1, 2])
    assert.deepEqual(offsetsIn((await reader.read(partition, 28, size * 2 + 50)).batches), range(27, 33))
    assert.deepEqual(offsetsIn((await reader.read(partition, 88, 1)).batches), [87, 88, 89])
  })

  it('reads a batch larger than a chunk', async (t) => {
    const { partition, reader } = await scene(t)
    partition.append([1, 2], 3_000_000)
    partition.append([3], 10)
    await partition.lay({ forget: true })
    assert.deepEqual(offsetsIn((await reader.read(partition, 1, 100)).batches), [0, 1])
    assert.deepEqual(offsetsIn((await reader.read(partition, 0, 10_000_000)).batches), [0, 1, 2])
  })

  it('goes page by page to the end, giving each record once', async (t) => {
    const { partition, reader } = await smallLog(t)
    for (const maxBytes of [1, 900, 5000]) {
      const seen: number[] = []
      for (let offset = 0; offset < 90;) {
        const page = await reader.read(partition, offset, maxBytes)
        seen.push(...offsetsIn(page.batches))
        assert.ok(page.nextOffset > offset)
        offset = page.nextOffset
      }
      assert.deepEqual(seen, range(0, 90))
    }
  })

  it('follows a segment that is deleted or written to the file while it reads', async (t) => {
    const { partition, reader } = await smallLog(t)
    const [first] = partition.segments
    await fs.rm(first!.path)
    await assert.rejects(reader.read(partition, 3, 1000), { code: 'KAFKA_STORAGE_ERROR' })
    const reading = reader.read(partition, 3, 1000)
    partition.segments.shift()
    partition.logStartOffset = 30
    await assert.rejects(reading, { code: 'OFFSET_OUT_OF_RANGE', status: 410 })

    const tailRead = reader.read(partition, 81, 1_000_000)
    await partition.lay({ forget: true })
    assert.deepEqual(offsetsIn((await tailRead).batches), range(81, 90))
  })

  it('tells a topic that is deleted under a read from damage, and the damage once', async (t) => {
    const errors: unknown[] = []
    const logger = { ...silentLogger, error: (facts: object) => void errors.push(facts) }
    const { partition, index } = await smallLog(t)
    const files = new OpenFiles({ fileSystem: nodeFileSystem })
    t.after(() => files.closeAll())
    const reader = new PartitionReader({ files, index, logger })
    // As the log does it: memory is given up first, which leaves a hole between the files and the end.
    partition.tail.length = 0
    partition.dropped = true
    await assert.rejects(reader.read(partition, 85, 1000), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await files.closeAll()
    await fs.rm(partition.directory, { recursive: true })
    await assert.rejects(reader.read(partition, 3, 1000), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await assert.rejects(reader.findByTime(partition, 15), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    assert.deepEqual(errors, [])
    partition.dropped = false
    await fs.mkdir(partition.directory)
    await fs.writeFile(partition.segments[0]!.path, 'damaged')
    for (let twice = 0; twice < 2; twice++) {
      await assert.rejects(reader.read(partition, 3, 1000), { code: 'CORRUPT_MESSAGE' })
    }
    assert.equal(errors.length, 1)
  })

  it('keeps fenced ranges from readers and says where to go on', async (t) => {
    const { partition, reader } = await smallLog(t)
    partition.fenced.push({ from: 33, to: 39 }, { from: 39, to: 45 })
    assert.deepEqual(offsetsIn((await reader.read(partition, 28, 1_000_000)).batches), range(27, 33))
    await assert.rejects(reader.read(partition, 34, 1000), corruptAt(34, 45))
    assert.deepEqual(offsetsIn((await reader.read(partition, 45, 1_000_000)).batches), range(45, 90))
  })

  it('passes over the holes of a compacted segment, but takes them for damage in one that was not', async (t) => {
    const { partition, reader, index } = await smallLog(t, { indexed: false })
    const first = partition.segments[0]!
    const batches = partition.batches.filter((batch) => batch.baseOffset < 30)
    const kept = batches.filter((batch) => ![9, 12, 24, 27].includes(batch.baseOffset))
    await fs.writeFile(first.path, Buffer.concat(kept.map((batch) => batch.bytes)))
    first.fileBytes = kept.reduce((sum, batch) => sum + batch.bytes.length, 0)
    // The batch behind the hole may be another one with a wrong offset.
    await assert.rejects(reader.read(partition, 9, 1000), corruptAt(9, 18))
    first.generation = 1
    assert.deepEqual(offsetsIn((await reader.read(partition, 10, 1)).batches), [15, 16, 17])
    assert.deepEqual(offsetsIn((await reader.read(partition, 25, 1)).batches), [30, 31, 32])
    assert.deepEqual(offsetsIn((await reader.read(partition, 0, 1e6)).batches), [...range(0, 9), ...range(15, 24), ...range(30, 90)]) // prettier-ignore
    // Holes or not, offsets only rise.
    const again = Buffer.from(partition.batches[2]!.bytes)
    await fs.writeFile(first.path, Buffer.concat([...kept.slice(0, 4), { bytes: again }, ...kept.slice(5)].map((batch) => batch.bytes))) // prettier-ignore
    assert.deepEqual(offsetsIn((await reader.read(partition, 0, 1e6)).batches), [...range(0, 9), 15, 16, 17])
    assert.deepEqual(index.dropped, [])
  })
})

function countingReads(fileSystem: FileSystem, onRead: (bytes: number) => void): FileSystem {
  return Object.assign(Object.create(fileSystem), {
    async open(file: string) {
      const handle = await fileSystem.open(file)
      const read = async (position: number, length: number): Promise<Buffer> => {
        onRead(length)
        return await handle.read(position, length)
      }
      return Object.assign(Object.create(handle), { read })
    },
  })
}

/** Of a length: what no single bit explains. */
const TWO_BITS = 0x03

describe('PartitionReader.read over damage', () => {
  for (const indexed of [true, false]) {
    it(`never serves a batch with a flipped bit, and serves all others${indexed ? '' : ', without an index too'}`, async (t) => {
      await flipEachByte(await smallLog(t, { indexed }))
    })
  }

  async function flipEachByte({ partition, reader, index }: Scene): Promise<void> {
    const victim = partition.batches[13]!
    const file = partition.segments[1]!.path
    for (let byte = 0; byte < victim.bytes.length; byte += byte < 61 ? 1 : 23) {
      // The leader epoch is under no check, and is shown to nobody.
      if (byte >= 12 && byte < 16) continue
      for (const bit of byte >= 8 && byte < 12 ? range(0, 8) : [byte % 8]) {
        await flip(file, victim.position + byte, 1 << bit)
        await assert.rejects(reader.read(partition, 39, 1_000_000), corruptAt(39, 42))
        assert.deepEqual(offsetsIn((await reader.read(partition, 0, 1_000_000)).batches), range(0, 39))
        const behind = await reader.read(partition, 42, 1_000_000)
        assert.deepEqual(offsetsIn(behind.batches), range(42, 90))
        await flip(file, victim.position + byte, 1 << bit)
      }
    }
    assert.deepEqual(index.dropped, [])
  }

  for (const indexed of [true, false]) {
    it(`hides nothing behind a batch without its length${indexed ? '' : ', without an index too'}`, async (t) => {
      const { partition, reader, index } = await smallLog(t, { indexed })
      const file = await fs.readFile(partition.segments[1]!.path)
      for (let lost = 10; lost < 19; lost++) {
        const { position, baseOffset: first, lastOffset } = partition.batches[lost]!
        await fs.writeFile(partition.segments[1]!.path, Buffer.from(file).fill(0, position, position + 61))
        await assert.rejects(reader.read(partition, first, 1_000_000), corruptAt(first, lastOffset + 1))
        const behind = await reader.read(partition, lastOffset + 1, 1_000_000)
        assert.deepEqual(offsetsIn(behind.batches), range(lastOffset + 1, 90))
      }
      assert.deepEqual(index.dropped, [])
    })
  }

  it('knows of a search behind damage where it has found something, and where it has not', async (t) => {
    const directory = await fs.mkdtemp(path.join(tmpdir(), 'posthorn-reader-'))
    const { partition } = await smallLog(t, { indexed: false })
    let readBytes = 0
    const files = new OpenFiles({ fileSystem: countingReads(nodeFileSystem, (bytes) => (readBytes += bytes)) })
    t.after(async () => {
      await files.closeAll()
      await fs.rm(directory, { recursive: true, force: true })
    })
    const reader = new PartitionReader({ files, index: new MemorySegmentIndex() })
    const file = await fs.readFile(partition.segments[1]!.path)
    const big = Buffer.concat([file, Buffer.alloc(8 * 1024 * 1024)])
    await fs.writeFile(partition.segments[1]!.path, big.fill(0, partition.batches[13]!.position))
    partition.segments[1]!.fileBytes = big.length
    await assert.rejects(reader.read(partition, 39, 1_000_000), corruptAt(39, 60))
    const first = readBytes
    for (let times = 0; times < 5; times++) await assert.rejects(reader.read(partition, 39, 1000), corruptAt(39, 60))
    assert.ok(readBytes - first < first / 2, `${first} bytes, then ${readBytes - first} for five more reads`)
  })

  it('keeps the rows of a segment whose batches are damaged, not they', async (t) => {
    const { partition, reader, index } = await smallLog(t)
    for (let batch = 11; batch < 19; batch++) {
      const { position, baseOffset: lost, lastOffset } = partition.batches[batch]!
      await flip(partition.segments[1]!.path, position + 70)
      await assert.rejects(reader.read(partition, lost, 1), corruptAt(lost, lastOffset + 1))
      for (let offset = lastOffset + 1; offset < 60; offset++) {
        assert.ok(offsetsIn((await reader.read(partition, offset, 1)).batches).includes(offset))
      }
      await flip(partition.segments[1]!.path, position + 70)
    }
    assert.deepEqual(index.dropped, [])
  })

  it('tells the log of each damaged stretch once', async (t) => {
    const { partition, index } = await smallLog(t)
    await flip(partition.segments[1]!.path, partition.batches[13]!.position + 70)
    const lines: object[] = []
    const logger = { ...silentLogger, error: (facts: object) => lines.push(facts) }
    const files = new OpenFiles({ fileSystem: nodeFileSystem })
    const reader = new PartitionReader({ files, index, logger })
    for (let times = 0; times < 3; times++) await assert.rejects(reader.read(partition, 40, 1000), corruptAt(40, 42))
    await files.closeAll()
    assert.equal(lines.length, 1)
  })

  it('goes on with the next segment if nothing behind the damage is sound to its end', async (t) => {
    const { partition, reader } = await smallLog(t, { indexed: false })
    const [lost, last] = [partition.batches[13]!, partition.batches[19]!]
    await flip(partition.segments[1]!.path, lost.position + 10, TWO_BITS)
    await flip(partition.segments[1]!.path, last.position + 70)
    await assert.rejects(reader.read(partition, 41, 1_000_000), corruptAt(41, 60))
    assert.deepEqual(offsetsIn((await reader.read(partition, 60, 1_000_000)).batches), range(60, 90))
  })

  it('steps over a fenced range to where recovery found the next batch', async (t) => {
    const { partition, reader } = await smallLog(t, { indexed: false })
    const [lost, next] = [partition.batches[13]!, partition.batches[16]!]
    const file = await fs.readFile(partition.segments[1]!.path)
    await fs.writeFile(partition.segments[1]!.path, file.fill(0, lost.position, next.position))
    const resume = { segmentBaseOffset: 30, position: next.position }
    partition.fenced.push({ from: lost.baseOffset, to: next.baseOffset, resume })
    assert.deepEqual(offsetsIn((await reader.read(partition, 32, 1_000_000)).batches), range(30, 39))
    await assert.rejects(reader.read(partition, 40, 1_000_000), corruptAt(40, 48))
    assert.deepEqual(offsetsIn((await reader.read(partition, 50, 1_000_000)).batches), range(48, 90))
    assert.deepEqual(await reader.findByTime(partition, 131), { offset: 48, timestamp: 160 })
  })

  it('takes a file that is shorter than it was for damage', async (t) => {
    const { partition, reader } = await smallLog(t)
    await fs.truncate(partition.segments[0]!.path, partition.batches[7]!.position + 20)
    assert.deepEqual(offsetsIn((await reader.read(partition, 12, 1_000_000)).batches), range(12, 21))
    await assert.rejects(reader.read(partition, 21, 1_000_000), corruptAt(21, 30))
    await assert.rejects(reader.read(partition, 29, 1_000_000), corruptAt(29, 30))
    await fs.truncate(partition.segments[2]!.path, 0)
    await assert.rejects(reader.read(partition, 60, 1_000_000), corruptAt(60, 84))
  })

  it('drops the rows of a segment whose hint is false, and finds the batch all the same', async (t) => {
    const { partition, reader, index } = await smallLog(t)
    const key = partition.keyOf(partition.segments[1]!)
    const wrong = [
      { baseOffset: 45, position: partition.batches[16]!.position },
      { baseOffset: 45, position: partition.batches[15]!.position + 1 },
      { baseOffset: 44, position: partition.batches[14]!.position },
      { baseOffset: 45, position: 1e12 },
    ]
    for (const entry of wrong) {
      index.dropped.length = 0
      index.add(key, { ...entry, maxTimestampBefore: undefined })
      assert.deepEqual(offsetsIn((await reader.read(partition, 47, 1)).batches), [45, 46, 47])
      // An entry beyond the file may be of bytes that come later.
      assert.deepEqual(index.dropped, entry.position === 1e12 ? [] : [key])
    }
  })

  it('leaves entries behind where it had to walk far', async (t) => {
    const { partition, reader, index } = await scene(t)
    for (let batch = 0; batch < 1000; batch++) partition.append([batch], 1000)
    await partition.lay({ forget: true })
    await reader.read(partition, 990, 1)
    const entry = index.floorOffset(partition.keyOf(partition.active), 990)
    assert.ok(entry && entry.baseOffset > 900 && partition.batches[entry.baseOffset]!.position === entry.position)
    assert.deepEqual(offsetsIn((await reader.read(partition, 980, 1)).batches), [980])
    assert.deepEqual(index.dropped, [])
  })
})

describe('PartitionReader.findByTime', () => {
  it('gives the lowest offset at or after a time, by record, from log start to high watermark', async (t) => {
    const { partition, reader } = await smallLog(t)
    for (const [start, end] of [
      [0, 90],
      [32, 88],
      [85, 87],
    ]) {
      // prettier-ignore
      partition.logStartOffset = start!
      partition.highWatermark = end!
      for (let timestamp = 0; timestamp < 295; timestamp++) {
        assert.deepEqual(await reader.findByTime(partition, timestamp), partition.naiveFindByTime(timestamp))
      }
    }
  })

  it('gives a batch with the append time its time for all its records', async (t) => {
    const { partition, reader } = await scene(t)
    for (let batch = 0; batch < 4; batch++) {
      const { bytes } = partition.append([1, 2, 3], 10)
      setLogAppendTime(bytes, 0, 1000 + batch)
    }
    partition.active.maxTimestamp = 1003
    await partition.lay({ forget: true })
    partition.logStartOffset = 4
    assert.deepEqual(await reader.findByTime(partition, 999), { offset: 4, timestamp: 1001 })
    assert.deepEqual(await reader.findByTime(partition, 1002), { offset: 6, timestamp: 1002 })
    assert.equal(await reader.findByTime(partition, 1004), null)
  })

  it('decompresses the one batch that has the time, in a file and in memory', async (t) => {
    for (const type of compressionTypes) {
      const { partition, reader } = await scene(t)
      for (let batch = 0; batch < 40; batch++) {
        const times = Array.from({ length: 50 }, (_, place) => batch * 100 + ((place * 7) % 50))
        partition.append(times, 100, type)
        if (batch === 20) await partition.lay({ forget: true })
      }
      for (const logStart of [0, 149, 1055, 1999]) {
        partition.logStartOffset = logStart
        for (let time = 0; time < 4000; time += 37) {
          assert.deepEqual(await reader.findByTime(partition, time), partition.naiveFindByTime(time), type)
        }
      }
    }
  })

  it('searches on behind a batch in memory whose records of that time lie before the log start', async (t) => {
    const { partition, reader } = await scene(t)
    partition.append([5, 100, 6, 7], 10, 'zstd')
    partition.append([8, 9], 10, 'zstd')
    partition.append([8, 120], 10, 'zstd')
    partition.logStartOffset = 2
    assert.deepEqual(await reader.findByTime(partition, 50), { offset: 7, timestamp: 120 })
    assert.deepEqual(await reader.findByTime(partition, 9), { offset: 5, timestamp: 9 })
    assert.equal(await reader.findByTime(partition, 121), null)
  })

  it('takes compressed records that cannot be read for none, and searches on', async (t) => {
    for (const isInMemory of [false, true]) {
      const { partition, reader } = await scene(t)
      const damaged = partition.append([10, 20], 100, 'gzip')
      partition.append([30], 100, 'gzip')
      damaged.bytes.fill(0x77, 80, 90)
      resealBatch(damaged.bytes)
      if (!isInMemory) await partition.lay({ forget: true })
      assert.deepEqual(await reader.findByTime(partition, 15), { offset: 2, timestamp: 30 })
    }
  })

  it('keeps what it searches, though the batch leaves memory meanwhile', async (t) => {
    const { partition, reader } = await scene(t)
    partition.append([10, 20, 30], 50_000, 'lz4')
    await partition.lay({ forget: false })
    const found = reader.findByTime(partition, 15)
    for (const { bytes } of partition.tail.splice(0)) releaseBatch(bytes)
    assert.deepEqual(await found, { offset: 1, timestamp: 20 })
  })

  it('searches anew where the segment is removed or replaced meanwhile', async (t) => {
    const changes: ((partition: StoredPartition) => void)[] = [
      (partition) => {
        partition.segments.shift()
        partition.logStartOffset = 3
      },
      (partition) => {
        const [first] = partition.segments
        assert.ok(first)
        const cleaned = Buffer.concat([0, 2].map((batch) => partition.batches[batch]!.bytes))
        const replaced = { ...first, generation: 1, path: `${first.path}.swap`, fileBytes: cleaned.length }
        writeFileSync(replaced.path, cleaned)
        partition.segments[0] = replaced
      },
    ]
    const found = []
    for (const change of changes) {
      const { partition, reader, index } = await scene(t)
      for (const time of [10, 20, 30]) partition.append([time], 100)
      await partition.lay({ forget: true })
      partition.roll()
      partition.append([40], 100)
      await partition.lay({ forget: true })
      // The walk asks the index once the file is open.
      t.mock.method(index, 'floorTime', () => change(partition), { times: 1 })
      found.push(await reader.findByTime(partition, 15))
    }
    assert.deepEqual(found, [
      { offset: 3, timestamp: 40 },
      { offset: 2, timestamp: 30 },
    ])
  })

  it('passes over damage and fences', async (t) => {
    const { partition, reader } = await smallLog(t)
    await flip(partition.segments[1]!.path, partition.batches[13]!.position + 70)
    assert.deepEqual(await reader.findByTime(partition, 130), { offset: 42, timestamp: 140 })
    partition.fenced.push({ from: 42, to: 48 })
    assert.deepEqual(await reader.findByTime(partition, 130), { offset: 48, timestamp: 160 })
  })
})

describe('PartitionReader over random logs', () => {
  const anyBatch = fc.record({
    compression: fc.constantFrom('none', 'none', ...compressionTypes),
    timestamps: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 5 }),
    valueBytes: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 300 }) }, fc.constant(20_000)),
    roll: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    lay: fc.integer({ min: 0, max: 3 }).map((dice) => dice === 0),
    forget: fc.boolean(),
  })
  const anyLog = fc.record({
    batches: fc.array(anyBatch, { minLength: 1, maxLength: 60 }),
    intervalBytes: fc.constantFrom(0, 500, 4096),
    reads: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(1, 800, 30_000, 1e6))),
    times: fc.array(fc.integer({ min: 0, max: 310 }), { maxLength: 10 }),
  })

  it('answers every lookup as a full scan would', async (t) => {
    await fc.assert(
      fc.asyncProperty(anyLog, async ({ batches, intervalBytes, reads, times }) => {
        const { partition, reader, index } = await scene(t)
        for (const { timestamps, valueBytes, compression, roll, lay, forget } of batches) {
          partition.append(timestamps, valueBytes, compression)
          if (lay || roll) await partition.lay({ forget: forget || roll })
          if (roll) partition.roll()
        }
        partition.indexInto(index, intervalBytes)
        for (const [where, maxBytes] of reads) {
          const offset = Math.floor(where * partition.logEndOffset)
          const page = await reader.read(partition, offset, maxBytes)
          const first = partition.batches.find((batch) => batch.lastOffset >= offset)
          if (first) assert.equal(baseOffset(page.batches[0]!, 0), first.baseOffset)
          assert.deepEqual(offsetsIn(page.batches), range(first?.baseOffset ?? page.nextOffset, page.nextOffset))
        }
        for (const timestamp of times) {
          assert.deepEqual(await reader.findByTime(partition, timestamp), partition.naiveFindByTime(timestamp))
        }
        assert.deepEqual(index.dropped, [])
      }),
      { numRuns: 60 },
    )
  })
})

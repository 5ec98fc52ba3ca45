import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { releaseBatch } from '../../../src/codec/batch-buffer.ts'
import { baseOffset } from '../../../src/codec/record-batch.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { scene, smallLog, offsetsIn, range, corruptAt } from './small-log.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { compressionTypes } from '../../../src/codec/compression.ts'

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

  it('gives nothing of a file that may be another topic’s by then: of one made by the same name meanwhile', async (t) => {
    const { partition, reader } = await smallLog(t)
    const asked = [() => reader.read(partition, 3, 1000), () => reader.findByTime(partition, 15)]
    for (const ask of asked) {
      const answer = ask()
      partition.dropped = true
      await assert.rejects(answer, { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
      partition.dropped = false
    }
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

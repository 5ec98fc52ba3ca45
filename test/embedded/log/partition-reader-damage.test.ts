import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { FileSystem } from '../../../src/embedded/file-system.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { type Scene, scene, smallLog, offsetsIn, range, flip, corruptAt } from './small-log.ts'
import { MemorySegmentIndex } from '../../support/memory-segment-index.ts'
import { silentLogger } from '../../../src/broker/logger.ts'

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

  it('serves what precedes a file that is missing, and what lies behind it', async (t) => {
    const { partition, reader } = await smallLog(t)
    await fs.rm(partition.segments[1]!.path)
    for (const from of [0, 27]) {
      assert.deepEqual(offsetsIn((await reader.read(partition, from, 1_000_000)).batches), range(from, 30))
    }
    await assert.rejects(reader.read(partition, 30, 1_000_000), { code: 'KAFKA_STORAGE_ERROR' })
    assert.deepEqual(offsetsIn((await reader.read(partition, 60, 1_000_000)).batches), range(60, 90))
  })

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
    const { partition } = await smallLog(t, { indexed: false })
    let readBytes = 0
    const files = new OpenFiles({ fileSystem: countingReads(nodeFileSystem, (bytes) => (readBytes += bytes)) })
    t.after(() => files.closeAll())
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

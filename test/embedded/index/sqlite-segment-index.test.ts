import assert from 'node:assert/strict'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import { systemClock } from '../../../src/broker/clock.ts'
import type { Logger } from '../../../src/broker/logger.ts'
import type { SegmentKey } from '../../../src/embedded/index/segment-index.ts'
import { INDEX_FILE, SqliteSegmentIndex } from '../../../src/embedded/index/sqlite-segment-index.ts'
import { OpenFiles } from '../../../src/embedded/log/open-files.ts'
import { PartitionReader } from '../../../src/embedded/log/partition-reader.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { StoredPartition } from '../../support/stored-partition.ts'

const key: SegmentKey = { topicId: 'T', partition: 1, segmentBaseOffset: 100, generation: 0 }

class RecordingLogger implements Logger {
  readonly lines: string[] = []
  readonly #waiting = new Map<string, () => void>()
  readonly info = (_facts: object, message: string) => this.#take(message)
  readonly warn = (_facts: object, message: string) => this.#take(message)
  readonly error = (_facts: object, message: string) => this.#take(message)

  /** Resolves when such a line comes. */
  line(message: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(message, resolve))
  }

  #take(message: string): void {
    this.lines.push(message)
    this.#waiting.get(message)?.()
  }
}

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await fs.mkdtemp(path.join(tmpdir(), 'posthorn-index-'))
  t.after(() => fs.rm(directory, { recursive: true, force: true }))
  return directory
}

function openIn(t: TestContext, directory: string, logger = new RecordingLogger()): SqliteSegmentIndex {
  const index = SqliteSegmentIndex.open({ path: path.join(directory, INDEX_FILE), clock: systemClock, logger })
  t.after(() => index.close())
  return index
}

/** Three segments of forty batches, in files. */
async function storedLog(directory: string): Promise<StoredPartition> {
  const partition = new StoredPartition(directory)
  for (let batch = 0; batch < 120; batch++) {
    if (batch > 0 && batch % 40 === 0) {
      await partition.lay({ forget: true })
      partition.roll()
    }
    partition.append([batch * 10, batch * 10 + 3], 200)
  }
  await partition.lay({ forget: true })
  return partition
}

describe('SqliteSegmentIndex', () => {
  it('finds the entry at or below an offset, the one above, and the newest older than a time', async (t) => {
    const index = openIn(t, await newDirectory(t))
    index.add(key, { baseOffset: 110, position: 1000, maxTimestampBefore: 50 })
    index.add(key, { baseOffset: 120, position: 2000, maxTimestampBefore: 50 })
    index.add(key, { baseOffset: 130, position: 3000, maxTimestampBefore: 60 })
    index.add(key, { baseOffset: 140, position: 4000, maxTimestampBefore: undefined })
    await index.settled()
    assert.equal(index.floorOffset(key, 109), undefined)
    assert.deepEqual(index.floorOffset(key, 110), { baseOffset: 110, position: 1000 })
    assert.deepEqual(index.floorOffset(key, 139), { baseOffset: 130, position: 3000 })
    assert.deepEqual(index.floorOffset(key, 9999), { baseOffset: 140, position: 4000 })
    assert.deepEqual(index.entryAfter(key, 110), { baseOffset: 120, position: 2000 })
    assert.equal(index.entryAfter(key, 140), undefined)
    assert.equal(index.floorTime(key, 50), undefined)
    assert.deepEqual(index.floorTime(key, 51), { baseOffset: 120, position: 2000, maxTimestampBefore: 50 })
    assert.deepEqual(index.floorTime(key, 9999), { baseOffset: 130, position: 3000, maxTimestampBefore: 60 })
  })

  it('keeps segments, generations and topics apart, and drops them', async (t) => {
    const index = openIn(t, await newDirectory(t))
    const others = [{ topicId: 'U' }, { partition: 2 }, { segmentBaseOffset: 90 }, { generation: 1 }].map((change) => ({
      ...key,
      ...change,
    }))
    for (const each of [key, ...others]) index.add(each, { baseOffset: 110, position: 1000, maxTimestampBefore: 5 })
    await index.settled()
    index.dropSegment(key)
    assert.equal(index.floorOffset(key, 200), undefined)
    index.add(key, { baseOffset: 150, position: 5000, maxTimestampBefore: 9 })
    await index.settled()
    assert.deepEqual(index.floorOffset(key, 200), { baseOffset: 150, position: 5000 })
    assert.equal(index.floorTime(key, 9), undefined)
    for (const other of others) assert.equal(index.floorOffset(other, 200)?.position, 1000)
    index.dropTopic('T')
    await index.settled()
    assert.deepEqual([key, ...others].map((each) => index.floorOffset(each, 200)?.position), [undefined, 1000, undefined, undefined, undefined]) // prettier-ignore
  })

  it('is built from the segments when missing, and is there again after a restart', async (t) => {
    const directory = await newDirectory(t)
    const partition = await storedLog(directory)
    const index = openIn(t, directory)
    index.rebuildFrom(() => partition.indexedSegments(600))
    await index.settled()
    const found = partition.segments.map((segment) => index.floorOffset(partition.keyOf(segment), 1e9))
    assert.ok(found.every((entry) => entry && partition.batches.some((batch) => batch.baseOffset === entry.baseOffset && batch.position === entry.position))) // prettier-ignore
    const time = index.floorTime(partition.keyOf(partition.active), 1100)
    const before = partition.batches.filter((batch) => batch.segmentBaseOffset === 160 && batch.baseOffset < (time?.baseOffset ?? 0)) // prettier-ignore
    assert.equal(time?.maxTimestampBefore, Math.max(...before.map((batch) => batch.maxTimestamp)))
    await index.close()
    const logger = new RecordingLogger()
    const again = openIn(t, directory, logger)
    again.rebuildFrom(() => assert.fail('it is complete'))
    await again.settled()
    assert.deepEqual(partition.segments.map((segment) => again.floorOffset(partition.keyOf(segment), 1e9)), found) // prettier-ignore
    assert.deepEqual(logger.lines, [])
  })

  it('fills in the entries of a segment that was written whole', async (t) => {
    const directory = await newDirectory(t)
    const partition = await storedLog(directory)
    const index = openIn(t, directory)
    index.rebuildFrom(() => [])
    await index.settled()
    const [segment] = partition.indexedSegments(600)
    assert.ok(segment)
    assert.equal(index.floorOffset(segment.key, 1e9), undefined)
    index.fillIn(segment)
    index.fillIn({ ...segment, key: { ...segment.key, generation: 1 }, path: `${segment.path}.gone` })
    while (index.floorOffset(segment.key, 1e9) === undefined) await new Promise((resolve) => setImmediate(resolve))
    const found = index.floorOffset(segment.key, 1e9)
    assert.ok(partition.batches.some(({ baseOffset, position }) => baseOffset === found?.baseOffset && position === found.position)) // prettier-ignore
    assert.equal(index.floorOffset({ ...segment.key, generation: 1 }, 1e9), undefined)
  })

  it('begins anew with a file of another kind or version, and one whose building was cut off', async (t) => {
    const directory = await newDirectory(t)
    const partition = await storedLog(directory)
    const file = path.join(directory, INDEX_FILE)
    const spoilers = [
      () => fs.writeFile(file, 'not a database at all, but long enough to be looked at as one'.repeat(50)),
      () => fs.rm(file).then(() => fs.mkdir(file)),
      () => spoil((database) => database.pragma('user_version = 7')),
      () => spoil((database) => database.pragma('user_version = 0')),
      () => spoil((database) => database.pragma('application_id = 7')),
      () => spoil((database) => database.exec('DROP TABLE time_index')),
      () => fs.truncate(file, 5000),
      () => fs.truncate(file, 0),
    ]
    for (const spoilFile of spoilers) {
      await spoilFile()
      const index = openIn(t, directory)
      index.rebuildFrom(() => partition.indexedSegments(600))
      await index.settled()
      index.floorTime(partition.keyOf(partition.active), 1200)
      await index.settled()
      assert.ok(index.floorOffset(partition.keyOf(partition.active), 1e9))
      assert.ok(index.floorTime(partition.keyOf(partition.active), 1200))
      await index.close()
    }

    function spoil(change: (database: Database.Database) => void): Promise<void> {
      const database = new Database(file)
      change(database)
      database.close()
      return Promise.resolve()
    }
  })

  it('believes no row that was changed, and rebuilds', async (t) => {
    const directory = await newDirectory(t)
    const partition = await storedLog(directory)
    for (const change of [
      'UPDATE offset_index SET position = position + 1',
      'UPDATE offset_index SET offset = offset + 1',
      'UPDATE time_index SET timestamp = timestamp - 1',
      "UPDATE offset_index SET position = 'x'",
      'UPDATE time_index SET crc = crc + 1',
    ]) {
      const first = openIn(t, directory)
      first.rebuildFrom(() => partition.indexedSegments(600))
      await first.settled()
      const expected = [first.floorOffset(partition.keyOf(partition.active), 200), first.floorTime(partition.keyOf(partition.active), 1100)] // prettier-ignore
      await first.close()
      const database = new Database(path.join(directory, INDEX_FILE))
      try {
        database.exec(change)
      } catch {
        // STRICT tables refuse the wrong type by themselves.
      }
      database.close()
      const index = openIn(t, directory)
      index.rebuildFrom(() => partition.indexedSegments(600))
      await index.settled()
      const answers = () => [
        index.floorOffset(partition.keyOf(partition.active), 200),
        index.floorTime(partition.keyOf(partition.active), 1100),
      ]
      for (const [place, answer] of answers().entries())
        assert.ok(answer === undefined || same(answer, expected[place]))
      await index.settled()
      assert.deepEqual(answers(), expected)
      await index.close()
    }

    function same(one: unknown, other: unknown): boolean {
      return JSON.stringify(one) === JSON.stringify(other)
    }
  })

  it('starts its thread again when it dies', async (t) => {
    const directory = path.join(await newDirectory(t), 'not-there-yet')
    const logger = new RecordingLogger()
    const index = openIn(t, directory, logger)
    index.rebuildFrom(() => [])
    index.add(key, { baseOffset: 110, position: 1000, maxTimestampBefore: 1 })
    await logger.line('the segment index thread died')
    assert.equal(index.floorOffset(key, 200), undefined)
    await fs.mkdir(directory)
    await index.settled()
    assert.equal(index.floorOffset(key, 200)?.position, 1000)
  })

  it('never leads a reader astray, whatever befalls its file', async (t) => {
    const directory = await newDirectory(t)
    const partition = await storedLog(directory)
    const file = path.join(directory, INDEX_FILE)
    const whole = openIn(t, directory)
    whole.rebuildFrom(() => partition.indexedSegments(600))
    await whole.settled()
    await whole.close()
    const original = await fs.readFile(file)
    const anyDamage = fc.record({
      flips: fc.array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 30,
      }),
      cutTo: fc.option(fc.nat(original.length), { freq: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(anyDamage, async ({ flips, cutTo }) => {
        const damaged = Buffer.from(original.subarray(0, cutTo ?? original.length))
        for (const [at, mask] of flips) if (at < damaged.length) damaged[at] = (damaged[at] ?? 0) ^ mask
        await fs.writeFile(file, damaged)
        const index = openIn(t, directory)
        index.rebuildFrom(() => partition.indexedSegments(600))
        await index.settled()
        await assertTrue(partition, index)
        await index.settled()
        await index.close()
      }),
      { numRuns: 15 },
    )
  })
})

async function assertTrue(partition: StoredPartition, index: SqliteSegmentIndex): Promise<void> {
  const files = new OpenFiles({ fileSystem: nodeFileSystem })
  const reader = new PartitionReader({ files, index })
  for (let offset = 0; offset < partition.logEndOffset; offset += 7) {
    const page = await reader.read(partition, offset, 1)
    const batch = partition.batches.find((each) => each.lastOffset >= offset)
    assert.ok(batch?.bytes.equals(Buffer.concat(page.batches)))
    const timestamp = offset * 5
    assert.deepEqual(await reader.findByTime(partition, timestamp), partition.naiveFindByTime(timestamp))
  }
  await files.closeAll()
}

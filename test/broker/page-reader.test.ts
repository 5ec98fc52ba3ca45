import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { ReadPosition } from '../../src/broker/engine.ts'
import { DecompressedBatches } from '../../src/broker/decompressed-batches.ts'
import { PageReader, type PageLimits, type PageProgress } from '../../src/broker/page-reader.ts'
import { RecordColumns } from '../../src/broker/record-columns.ts'
import { compressBatchSync } from '../../src/codec/compressed-batch.ts'
import { compressionTypes, type CompressionType } from '../../src/codec/compression.ts'
import { RecordBatchWriter } from '../../src/codec/record-batch-writer.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryEngine } from '../support/memory-engine.ts'

const wide: PageLimits = { maxRecords: 10_000, maxBytes: 16_777_216, waitMs: 0 }

interface Bench {
  readonly clock: FakeClock
  readonly engine: MemoryEngine
  readonly publish: (partition: number, ...values: readonly string[]) => Promise<void>
  readonly publishAs: (type: CompressionType, partition: number, values: readonly string[]) => Promise<void>
  readonly read: (positions: readonly ReadPosition[], limits?: PageLimits, signal?: AbortSignal) => Promise<Page>
}
interface Page {
  readonly values: readonly string[]
  readonly progress: readonly PageProgress[]
}

async function bench(partitionCount = 2, decompressed?: DecompressedBatches): Promise<Bench> {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  await engine.create({ name: 't', partitionCount, configs: new Map() })
  const pages = new PageReader(engine, clock, decompressed)
  const publishAs: Bench['publishAs'] = async (type, partition, values) => {
    const { bytes, ...facts } = batchOf(values, clock.now())
    const batches = [{ bytes: compressBatchSync(bytes, type), ...facts }]
    await engine.append({ topic: 't', parts: [{ partition, batches }], acks: 'all' })
  }
  return {
    clock,
    engine,
    publish: (partition, ...values) => publishAs('none', partition, values),
    publishAs,
    async read(positions, limits = wide, signal) {
      const values: string[] = []
      const sink = {
        records(_topic: string, partition: number, columns: RecordColumns): void {
          for (let i = 0; i < columns.count; i += 1) {
            const value = columns.bytes.toString('utf8', columns.valueStart[i], columns.valueEnd[i])
            values.push(`${partition}:${columns.offset[i]}:${value}`)
          }
        },
      }
      return { progress: await pages.read(positions, limits, sink, signal), values }
    },
  }
}

function batchOf(values: readonly string[], timestamp: number) {
  const columns = new RecordColumns(Buffer.from(values.join('')))
  let at = 0
  for (const value of values) {
    const record = columns.addRecord()
    columns.timestamp[record] = timestamp
    columns.valueStart[record] = at
    at += value.length
    columns.valueEnd[record] = at
  }
  const writer = new RecordBatchWriter(at + 100)
  for (let i = 0; i < columns.count; i += 1) assert.ok(writer.append(columns, i))
  return writer.seal()
}

const at = (partition: number, offset: number): ReadPosition => ({ topic: 't', partition, offset })

test('pages in a row give every record once, in order, whatever the limits and the batches', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(...compressionTypes)), { maxLength: 6 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 200 }),
      async (batches, maxRecords, maxBytes) => {
        const { publishAs, read } = await bench()
        const expected: string[] = []
        let offset = 0
        for (const [size, type] of batches) {
          const values = Array.from({ length: size }, (_, index) => `v${offset + index}`)
          await publishAs(type, 0, values)
          for (const value of values) expected.push(`0:${offset++}:${value}`)
        }
        const seen: string[] = []
        let next = 0
        for (;;) {
          const page = await read([at(0, next)], { maxRecords, maxBytes, waitMs: 0 })
          assert.ok(page.values.length <= maxRecords)
          seen.push(...page.values)
          next = page.progress[0]?.nextOffset ?? -1
          if (page.values.length === 0) break
        }
        assert.deepEqual(seen, expected)
        assert.equal(next, offset)
      },
    ),
    { numRuns: 60 },
  )
})

test('the first record is given whatever its size, and no second one beyond maxBytes', async () => {
  const { publish, read } = await bench()
  await publish(0, 'x'.repeat(1000), 'y')
  const page = await read([at(0, 0)], { ...wide, maxBytes: 1 })
  assert.equal(page.values.length, 1)
  assert.equal(page.progress[0]?.nextOffset, 1)
})

test('a page goes on over several reads of the engine until a limit is met', async () => {
  const { publish, read } = await bench()
  for (let i = 0; i < 300; i += 1) await publish(0, 'x'.repeat(1000))
  const page = await read([at(0, 0)], { ...wide, maxRecords: 250 })
  assert.equal(page.values.length, 250)
})

test('each partition ends before its first record at or after until, and is not waited for', async () => {
  const { clock, engine, publish, read } = await bench()
  await publish(0, 'a', 'b')
  const until = clock.now() + 10
  clock.advance(10)
  await publish(0, 'c')
  const page = await read([at(0, 0)], { ...wide, until, waitMs: 1000 })
  assert.deepEqual(page.values, ['0:0:a', '0:1:b'])
  assert.deepEqual([page.progress[0]?.nextOffset, page.progress[0]?.ended], [2, true])
  const empty = await read([at(0, 2)], { ...wide, until, waitMs: 1000 })
  assert.deepEqual(empty.values, [])
  assert.equal(engine.waiting, 0)
})

test('a wait ends with the first record, the time, or the signal', async () => {
  const { clock, engine, publish, read } = await bench()
  const withData = read([at(0, 0), at(1, 0)], { ...wide, waitMs: 5000 })
  await publish(1, 'a')
  assert.deepEqual((await withData).values, ['1:0:a'])

  const timed = read([at(1, 1)], { ...wide, waitMs: 5000 })
  await waitFor(() => engine.waiting === 1)
  clock.advance(5000)
  assert.deepEqual((await timed).values, [])

  const aborted = new AbortController()
  const ended = read([at(1, 1)], { ...wide, waitMs: 5000 }, aborted.signal)
  await waitFor(() => engine.waiting === 1)
  aborted.abort()
  assert.deepEqual((await ended).values, [])
})

test('a partition that cannot be read does not end the wait for the others', async () => {
  const { engine, publish, read } = await bench()
  engine.memoryPartition('t', 0).failure = new BrokerError('KAFKA_STORAGE_ERROR', 'offline')
  const waiting = read([at(0, 0), at(1, 0)], { ...wide, waitMs: 5000 })
  await waitFor(() => engine.waiting === 1)
  await publish(1, 'a')
  const page = await waiting
  assert.deepEqual(page.values, ['1:0:a'])
  assert.equal(page.progress[0]?.error?.code, 'KAFKA_STORAGE_ERROR')
})

test('an offset out of range is told at once', async () => {
  const { engine, read } = await bench()
  const page = await read([at(0, 7), at(1, 0)], { ...wide, waitMs: 5000 })
  assert.equal(page.progress[0]?.error?.status, 416)
  assert.equal(engine.waiting, 0)
})

test('the bytes of a page are those of its records, however they are compressed', async () => {
  const values = Array.from({ length: 200 }, (_, index) => String(index).padEnd(1000, '.'))
  for (const type of compressionTypes) {
    const { publishAs, read } = await bench()
    await publishAs(type, 0, values)
    const page = await read([at(0, 10)], { ...wide, maxBytes: 50_500 })
    // A record takes some bytes more than its value.
    assert.equal(page.values.length, 50, type)
    assert.equal(page.progress[0]?.nextOffset, 60)
  }
})

test('small pages of one compressed batch decompress it once', async () => {
  const decompressed = new DecompressedBatches()
  const { publishAs, read } = await bench(2, decompressed)
  const values = Array.from({ length: 3000 }, (_, index) => `${index}`.padEnd(100, '.'))
  await publishAs('zstd', 0, values)
  let next = 0
  for (let pages = 0; pages < 30; pages += 1) {
    const page = await read([at(0, next)], { ...wide, maxRecords: 100 })
    assert.equal(page.values.length, 100)
    next = page.progress[0]?.nextOffset ?? 0
  }
  assert.equal(next, 3000)
  assert.equal(decompressed.decompressions, 1)
})

test('readers of one compressed batch at the same time decompress it once, and each gets all of it', async () => {
  const decompressed = new DecompressedBatches()
  const { publishAs, read } = await bench(2, decompressed)
  await publishAs(
    'gzip',
    0,
    Array.from({ length: 3000 }, (_, index) => `${index}`.padEnd(100, '.')),
  )
  await publishAs('lz4', 1, ['other'])
  const pages = await Promise.all(Array.from({ length: 8 }, () => read([at(0, 0), at(1, 0)])))
  for (const { values } of pages) {
    assert.equal(values.length, 3001)
    assert.equal(values.at(-1), '1:0:other')
  }
  assert.equal(decompressed.decompressions, 2)
})

test('a compressed batch that is not what it says ends the page before it, and tells where to go on', async () => {
  for (const damage of ['content', 'records'] as const) {
    const { engine, publish, publishAs, read } = await bench()
    await publish(0, 'a', 'b')
    await publishAs('zstd', 0, ['c', 'd', 'e'])
    await publish(0, 'f')
    const stored = engine.memoryPartition('t', 0).batches[1]
    assert.ok(stored !== undefined)
    if (damage === 'content') stored.fill(0, 61)
    // More records than the content has.
    else stored.writeInt32BE(4, 57)
    const before = await read([at(0, 0)])
    assert.deepEqual(before.values.slice(0, 2), ['0:0:a', '0:1:b'])
    const progress = (await read([at(0, 2)])).progress[0]
    assert.equal(progress?.error?.code, 'CORRUPT_MESSAGE')
    assert.deepEqual([progress.nextOffset, progress.nextReadableOffset], [2, 5])
    assert.deepEqual((await read([at(0, 5)])).values, ['0:5:f'])
  }
})

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn += 1) await new Promise(setImmediate)
  assert.ok(condition())
}

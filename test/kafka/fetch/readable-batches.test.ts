import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  batchesFrom,
  firstBytes,
  readableBatches,
  type AbortedTransaction,
} from '../../../src/kafka/fetch/readable-batches.ts'
import { assignOffsets, batchSizeBytes, checkBatch, lastOffset, setProducer } from '../../../src/codec/record-batch.ts'
import { crc32c } from '../../../src/codec/crc32c.ts'
import { decodeBatch, encodeBatch } from '../../support/record-spans.ts'

interface LogEntry {
  readonly bytes: Buffer
  /** The values that a reader of committed records sees of it. */
  readonly values: readonly string[]
}

const TRANSACTIONAL = 0x10
const CONTROL = 0x20

function setAttributes(bytes: Buffer, attributes: number): void {
  bytes.writeInt16BE(attributes, 21)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
}

function dataBatch(values: readonly string[], offset: number, producer?: bigint): Buffer {
  const bytes = encodeBatch(values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1000 })))
  if (producer !== undefined) {
    setProducer(bytes, 0, { id: producer, epoch: 0, sequence: 0 })
    setAttributes(bytes, TRANSACTIONAL)
  }
  assignOffsets(bytes, 0, offset, 3)
  return bytes
}

function marker(type: 'abort' | 'commit', offset: number, producer: bigint): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const bytes = encodeBatch([{ key, value: Buffer.alloc(6), timestamp: 1000 }])
  setProducer(bytes, 0, { id: producer, epoch: 0, sequence: 0 })
  setAttributes(bytes, TRANSACTIONAL | CONTROL)
  assignOffsets(bytes, 0, offset, 3)
  return bytes
}

function valuesIn(buffers: readonly Buffer[]): string[] {
  return buffers.flatMap((buffer) => {
    const values: string[] = []
    for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) {
      assert.equal(checkBatch(buffer, at, buffer.length), 'valid')
      for (const { value } of decodeBatch(buffer.subarray(at))) values.push(String(value))
    }
    return values
  })
}

function reachOf(buffers: readonly Buffer[]): number {
  let end = 0
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) end = lastOffset(buffer, at) + 1
  }
  return end
}

type Step =
  | { readonly producer: bigint | undefined; readonly count: number }
  | { readonly ends: bigint; readonly how: 'abort' | 'commit' }

const producers = [1n, 2n, 3n]
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ producer: fc.constantFrom(undefined, ...producers), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ ends: fc.constantFrom(...producers), how: fc.constantFrom('abort', 'commit') }) },
)

/** A log as brokers write it, each transaction ended, and its aborted transactions. */
function logOf(steps: readonly Step[]): { entries: LogEntry[]; aborted: AbortedTransaction[] } {
  const all: Step[] = [...steps, ...producers.map((ends) => ({ ends, how: 'commit' as const }))]
  const entries: LogEntry[] = []
  const aborted: AbortedTransaction[] = []
  const open = new Map<bigint, { first: number; entries: number[] }>()
  let offset = 0
  for (const step of all) {
    if ('ends' in step) {
      const transaction = open.get(step.ends)
      open.delete(step.ends)
      if (transaction !== undefined && step.how === 'abort') {
        aborted.push({ producerId: step.ends, firstOffset: transaction.first })
        for (const index of transaction.entries)
          entries[index] = { bytes: entries[index]?.bytes ?? Buffer.alloc(0), values: [] }
      }
      entries.push({ bytes: marker(step.how, offset, step.ends), values: [] })
      offset += 1
      continue
    }
    const from = offset
    const values = Array.from({ length: step.count }, (_, index) => `${from + index}`)
    if (step.producer !== undefined) {
      const transaction = open.get(step.producer) ?? { first: offset, entries: [] }
      transaction.entries.push(entries.length)
      open.set(step.producer, transaction)
    }
    entries.push({ bytes: dataBatch(values, offset, step.producer), values })
    offset += step.count
  }
  // In the order in which they ended, as a broker's index of them has it.
  return { entries, aborted }
}

test('of any log exactly the committed records are seen, and all the rest is passed over', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), fc.nat({ max: 20 }), (steps, cut) => {
      const { entries, aborted } = logOf(steps)
      const log = Buffer.concat(entries.map(({ bytes }) => bytes))
      const end = lastOffset(entries.at(-1)?.bytes ?? Buffer.alloc(61), 0) + 1
      const read = readableBatches(Buffer.concat([log, log.subarray(0, cut)]), 0, aborted)
      assert.deepEqual(
        valuesIn(read.buffers),
        entries.flatMap(({ values }) => values),
      )
      assert.equal(read.nextOffset, end)
      assert.equal(reachOf(read.buffers), end, 'a reader that passes over the batches comes to the end')
      assert.equal(read.sizeBytes, Buffer.concat(read.buffers).length)
    }),
  )
})

test('a log without transactions is handed on as it came, in one piece', () => {
  const log = Buffer.concat([dataBatch(['a', 'b'], 7), dataBatch(['c'], 9)])
  const { buffers, nextOffset } = readableBatches(log, 8, [])
  assert.equal(buffers.length, 1)
  assert.equal(buffers[0]?.buffer, log.buffer)
  assert.equal(nextOffset, 10)
})

test('an aborted producer’s later transactions are seen', () => {
  const log = Buffer.concat([
    dataBatch(['gone'], 0, 1n),
    marker('abort', 1, 1n),
    dataBatch(['stays'], 2, 1n),
    marker('commit', 3, 1n),
  ])
  const { buffers, nextOffset } = readableBatches(log, 0, [{ producerId: 1n, firstOffset: 0 }])
  assert.deepEqual(valuesIn(buffers), ['stays'])
  assert.equal(nextOffset, 4)
})

test('the reads end before a damaged batch, and say where the next one begins', () => {
  const damaged = dataBatch(['b', 'c'], 1)
  damaged[damaged.length - 1] = 0xff
  const log = Buffer.concat([dataBatch(['a'], 0), damaged, dataBatch(['d'], 3)])
  const read = readableBatches(log, 0, [])
  assert.deepEqual(valuesIn(read.buffers), ['a'])
  assert.equal(read.nextOffset, 1)
  assert.deepEqual(read.damaged, { offset: 1, nextReadable: 3 })
  assert.deepEqual(readableBatches(damaged, 1, []).damaged, { offset: 1, nextReadable: 3 })
})

test('batches are limited by a sum of bytes, and begun behind an offset', () => {
  const [a, b, c] = [dataBatch(['a'], 0), dataBatch(['b'], 1), dataBatch(['c'], 2)]
  assert.ok(a && b && c)
  const buffers = [Buffer.concat([a, b]), c]
  const values = (maxBytes: number) => valuesIn(firstBytes(buffers, a.length * 3, maxBytes))
  assert.deepEqual(values(1), ['a'])
  assert.deepEqual(values(a.length), ['a'])
  assert.deepEqual(values(a.length + 1), ['a', 'b'])
  assert.deepEqual(values(a.length * 2 + 1), ['a', 'b', 'c'])
  assert.deepEqual(valuesIn(batchesFrom(buffers, 0)), ['a', 'b', 'c'])
  assert.deepEqual(valuesIn(batchesFrom(buffers, 1)), ['b', 'c'])
  assert.deepEqual(valuesIn(batchesFrom(buffers, 2)), ['c'])
  assert.deepEqual(valuesIn(batchesFrom(buffers, 3)), [])
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { BatchCompression, compressionFor, type Compression } from '../../src/broker/batch-compression.ts'
import { CodecJobs } from '../../src/broker/codec-jobs.ts'
import type { AppendPart, EncodedBatch } from '../../src/broker/append-request.ts'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import { compressBatchSync, compressionTypeOf, decompressBatchSync } from '../../src/codec/compressed-batch.ts'
import { compressionTypes } from '../../src/codec/compression.ts'
import { encodeBatch } from '../support/record-spans.ts'

const config = (...pairs: (readonly [string, string])[]) => resolveTopicConfig(new Map(), new Map(pairs))
const compression = () => new BatchCompression(new CodecJobs())

function encoded(value: string, type: Compression['type'] = 'none'): EncodedBatch {
  const plain = encodeBatch([{ key: null, value: Buffer.from(value), timestamp: 5 }])
  return { bytes: compressBatchSync(plain, type), recordCount: 1, maxTimestamp: 5 }
}

function typesOf(parts: readonly AppendPart[]): string[] {
  return parts.flatMap(({ batches }) => batches.map(({ bytes }) => compressionTypeOf(bytes, 0)))
}

test('the topic decides; only where it leaves it to the publisher, the request', () => {
  assert.equal(compressionFor(config(), undefined), undefined)
  assert.deepEqual(compressionFor(config(), 'none'), { type: 'none' })
  assert.deepEqual(compressionFor(config(), 'lz4'), { type: 'lz4' })
  assert.deepEqual(compressionFor(config(['compression.gzip.level', '9']), 'gzip'), { type: 'gzip', level: 9 })
  assert.deepEqual(compressionFor(config(['compression.type', 'uncompressed']), 'lz4'), { type: 'none' })
  const zstd = config(['compression.type', 'zstd'], ['compression.zstd.level', '-5'])
  assert.deepEqual(compressionFor(zstd, 'gzip'), { type: 'zstd', level: -5 })
})

test('little is compressed at once, much off the event loop, and what is as it should be not at all', async () => {
  for (const type of compressionTypes.slice(1)) {
    const small = [{ partition: 3, batches: [encoded('a'.repeat(1000)), encoded('b')] }]
    const now = compression().apply(small, { type }, config())
    assert.ok(!(now instanceof Promise), type)
    assert.deepEqual(typesOf(now), [type, type])
    assert.equal(compression().apply(now, { type }, config()), now)
    assert.equal(compression().apply(now, undefined, config()), now)
    const large = [{ partition: 3, batches: [encoded('c'.repeat(900_000)), encoded('d')] }]
    const later = compression().apply(large, { type }, config())
    assert.ok(later instanceof Promise, type)
    assert.deepEqual(typesOf(await later), [type, type])
  }
})

test('records and their order stay, whatever a request has of batches of each kind', async () => {
  for (const type of compressionTypes) {
    const values = ['a'.repeat(200_000), 'b', 'c'.repeat(3000), 'd'.repeat(100_000), 'e']
    const batches = values.map((value, i) => encoded(value, compressionTypes[(i * 2) % 5]))
    const made = await compression().apply([{ partition: 0, batches }], { type }, config())
    assert.deepEqual(new Set(typesOf(made)), new Set([type]))
    assert.deepEqual(
      made[0]?.batches.map(({ bytes }) => decompressBatchSync(bytes, 0, 1_000_000)),
      values.map((value) => encoded(value).bytes),
    )
  }
})

test('jobs run two at a time, in order, and one that fails leaves its place', async () => {
  const jobs = new CodecJobs(2)
  const log: string[] = []
  const ends: (() => void)[] = []
  const job = (name: string) =>
    jobs.run(async () => {
      log.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (name === 'b') throw new Error('broken')
      return name
    })
  const all = Promise.allSettled(['a', 'b', 'c', 'd'].map(job))
  await Promise.resolve()
  assert.deepEqual(log, ['a', 'b'])
  for (let i = 0; i < 4; i++) {
    ends.shift()?.()
    await new Promise(setImmediate)
  }
  assert.deepEqual(log, ['a', 'b', 'c', 'd'])
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
})

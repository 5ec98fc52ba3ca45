import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { releaseBatch } from '../../../src/codec/batch-buffer.ts'
import { compressionTypes } from '../../../src/codec/compression.ts'
import { setLogAppendTime } from '../../../src/codec/record-batch.ts'
import type { StoredPartition } from '../../support/stored-partition.ts'
import { scene, smallLog, resealBatch, flip } from './small-log.ts'

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

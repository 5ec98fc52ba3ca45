import assert from 'node:assert/strict'
import type { Engine } from '../../src/broker/engine.ts'
import { assignOffsets } from '../../src/codec/record-batch.ts'
import { allValues, batchOf, brokerError, publish, readFrom, recordsOf } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

/** What nobody answered for may come to stand behind what is sent next. */
async function comesToBeThere(engine: Engine, offset: number): Promise<void> {
  const positions = [{ topic: 'orders', partition: 0, offset }]
  await engine.read({ positions, maxBytes: 1000, waitMs: 20_000 })
}

export function appendConformance({ make, durability, test }: EngineUnderTest): void {
  test('offsets are dense from 0 on, in the order of the parts, and the records are there', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 3)
    const first = await publish(engine, 'orders', { 0: ['a', 'b'], 2: ['c'] })
    assert.deepEqual(first, {
      durability,
      parts: [
        { partition: 0, baseOffset: 0, logAppendTime: -1 },
        { partition: 2, baseOffset: 0, logAppendTime: -1 },
      ],
    })
    const second = await engine.append({
      topic: 'orders',
      parts: [
        { partition: 2, batches: [batchOf(['d', 'e']), batchOf(['f'])] },
        { partition: 0, batches: [batchOf(['g'])] },
      ],
      acks: 'all',
    })
    assert.deepEqual(
      second.parts.map(({ partition, baseOffset }) => [partition, baseOffset]),
      [
        [2, 1],
        [0, 2],
      ],
    )
    const read = recordsOf(await readFrom(engine, { topic: 'orders', partition: 2, offset: 0 }))
    assert.deepEqual(
      read.map(({ offset, value }) => [offset, value]),
      [
        [0, 'c'],
        [1, 'd'],
        [2, 'e'],
        [3, 'f'],
      ],
    )
    assert.deepEqual(await allValues(engine, 'orders', 0), ['a', 'b', 'g'])
  })

  test('what is acknowledged can be read at once', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    for (let round = 0; round < 20; round++) {
      const { parts } = await publish(engine, 'orders', { 0: [`v${round}`] })
      const read = await readFrom(engine, { topic: 'orders', partition: 0, offset: parts[0]?.baseOffset ?? -1 })
      assert.deepEqual(
        recordsOf(read, round).map(({ value }) => value),
        [`v${round}`],
      )
      assert.equal(read.highWatermark, round + 1)
    }
  })

  test('appends at the same time are each whole, and each writer keeps its order', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let round = 0; round < 25; round++) {
        const text = `${writer}:${round}`
        await publish(engine, 'orders', { 0: [text, `${text}b`], 1: [text] })
      }
    })
    await Promise.all(writers)
    const values = await allValues(engine, 'orders', 0)
    assert.equal(values.length, 8 * 25 * 2)
    for (let writer = 0; writer < 8; writer++) {
      const own = values.filter((value) => value.startsWith(`${writer}:`))
      const expected = Array.from({ length: 25 }, (_, round) => [`${writer}:${round}`, `${writer}:${round}b`])
      assert.deepEqual(own, expected.flat())
    }
    for (let at = 0; at < values.length; at += 2) assert.equal(values[at + 1], `${values[at]}b`)
    assert.equal((await allValues(engine, 'orders', 1)).length, 8 * 25)
  })

  test('large appends are stored like small ones, in order among them', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const large = 'x'.repeat(300_000)
    const texts = Array.from({ length: 12 }, (_, index) => (index % 3 === 1 ? `${index}${large}` : `${index}`))
    const appends = texts.map((text) =>
      engine.append({
        topic: 'orders',
        parts: [0, 1].map((partition) => ({ partition, batches: [batchOf([text]), batchOf([text]), batchOf([text])] })),
        acks: 'all',
      }),
    )
    const results = await Promise.all(appends)
    assert.deepEqual(
      results.map(({ parts }) => parts.map(({ baseOffset }) => baseOffset)),
      texts.map((_, index) => [index * 3, index * 3]),
    )
    for (const partition of [0, 1]) {
      const values = await allValues(engine, 'orders', partition)
      assert.deepEqual(
        values,
        texts.flatMap((text) => [text, text, text]),
      )
    }
  })

  test('a batch gets its own place in the log, whatever place it had in another', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    for (const [round, acks] of (['all', '1', '0', 'all'] as const).entries()) {
      const batch = batchOf([`v${round}`])
      assignOffsets(batch.bytes, 0, 77 + round, 3)
      const { parts } = await engine.append({ topic: 'orders', parts: [{ partition: 0, batches: [batch] }], acks })
      assert.deepEqual(parts, [{ partition: 0, baseOffset: acks === '0' ? -1 : round, logAppendTime: -1 }])
      if (acks === '0') await comesToBeThere(engine, round)
    }
    assert.deepEqual(await allValues(engine, 'orders', 0), ['v0', 'v1', 'v2', 'v3'])
  })

  test('an unknown topic or partition stores nothing, whatever else the request holds', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const unknown = brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' })
    await assert.rejects(publish(engine, 'none', { 0: ['a'] }), unknown)
    await assert.rejects(publish(engine, 'orders', { 0: ['a'], 2: ['b'] }), unknown)
    assert.deepEqual(await allValues(engine, 'orders', 0), [])
  })

  test('acks=1 and acks=0 are answered earlier, and are stored all the same', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const written = await publish(engine, 'orders', { 0: ['one'] }, '1')
    assert.equal(written.durability, 'kernel')
    assert.equal(written.parts[0]?.baseOffset, 0)
    const queued = await publish(engine, 'orders', { 0: ['zero'] }, '0')
    assert.equal(queued.durability, 'none')
    await comesToBeThere(engine, 1)
    await publish(engine, 'orders', { 0: ['all'] })
    assert.deepEqual(await allValues(engine, 'orders', 0), ['one', 'zero', 'all'])
  })

  test('under LogAppendTime all records of a batch have the time of the append', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 1, { 'message.timestamp.type': 'LogAppendTime' })
    const { parts } = await publish(engine, 'orders', { 0: ['a', 'b'] })
    const read = recordsOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 0 }))
    const time = parts[0]?.logAppendTime ?? 0
    assert.ok(Math.abs(time - Date.now()) < 60_000)
    assert.deepEqual(
      read.map(({ timestamp }) => timestamp),
      [time, time],
    )
  })
}

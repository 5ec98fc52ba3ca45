import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Engine } from '../../src/broker/engine.ts'
import type { PublishClaim, PublishIdentity, StoredPart } from '../../src/broker/publish-claim.ts'
import { assignOffsets } from '../../src/codec/record-batch.ts'
import { allValues, batchOf, brokerError } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

function fingerprint(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 16)
}

function sequenceOf(sequence: number, body = 'body', epoch = 0): PublishIdentity {
  return { kind: 'sequence', producerId: 'meter-7', epoch, sequence, fingerprint: fingerprint(body) }
}

function keyOf(key: string, body = 'body'): PublishIdentity {
  return { kind: 'key', key, fingerprint: fingerprint(body) }
}

/** A promise in any case. */
async function claimOf(engine: Engine, identity: PublishIdentity, topic = 'orders'): Promise<PublishClaim> {
  return engine.producers.claim(topic, identity)
}

/** Stores a text in each of these partitions, once; where they are now. */
async function publishOnce(
  engine: Engine,
  identity: PublishIdentity,
  partitions: readonly number[],
  text = 'a',
): Promise<{ readonly isRepeat: boolean; readonly stored: readonly StoredPart[] }> {
  const claim = await engine.producers.claim('orders', identity)
  if (claim.isComplete) return { isRepeat: true, stored: claim.stored }
  assert.deepEqual(claim.stored, [])
  const parts = partitions.map((partition) => ({ partition, batches: [batchOf([text, `${text}2`])] }))
  const appended = await claim.append(parts, partitions)
  const stored = appended.parts.map(({ partition, baseOffset, logAppendTime, error }) => {
    assert.equal(error, undefined)
    return { partition, baseOffset, lastOffset: baseOffset + 1, logAppendTime }
  })
  return { isRepeat: false, stored }
}

export function producersConformance({ make, promises, test }: EngineUnderTest): void {
  test('a request that is known is told where it is, however it is known', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 4, { 'message.timestamp.type': 'LogAppendTime' })
    for (const identity of [sequenceOf(0), sequenceOf(1), keyOf('one'), keyOf('two')]) {
      const first = await publishOnce(engine, identity, [0, 1, 2, 3])
      const second = await publishOnce(engine, identity, [0, 1, 2, 3])
      assert.deepEqual([first.isRepeat, second.isRepeat], [false, true])
      const byPartition = second.stored.toSorted((one, other) => one.partition - other.partition)
      assert.deepEqual(byPartition, first.stored)
    }
    assert.equal((await allValues(engine, 'orders', 3)).length, 8)
  })

  test('a batch of a request with an identity gets its own place too, whatever place it had elsewhere', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const batch = batchOf(['a'])
    assignOffsets(batch.bytes, 0, 77, 3)
    const claim = await claimOf(engine, keyOf('copied'))
    const { parts } = await claim.append([{ partition: 0, batches: [batch] }], [0])
    assert.deepEqual(parts, [{ partition: 0, baseOffset: 0, logAppendTime: -1 }])
    assert.deepEqual(await allValues(engine, 'orders', 0), ['a'])
  })

  test('what the request was, it is again, whatever became of the topic and the time', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    const first = await engine.producers.claim('orders', keyOf('one'))
    assert.equal(first.partitionCount, 2)
    await first.append([{ partition: 1, batches: [batchOf(['a'])] }], [1])
    await engine.topics.addPartitions('orders', 5)
    const again = await engine.producers.claim('orders', keyOf('one'))
    assert.deepEqual([again.partitionCount, again.arrivedMs], [2, first.arrivedMs])
    const next = await engine.producers.claim('orders', keyOf('two'))
    assert.equal(next.partitionCount, 5)
    next.release()
  })

  test('equal requests at the same time are stored once, and successors behind their predecessors', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 3)
    const sequences = [2, 0, 1, 0, 2, 1, 4, 3, 4]
    const answers = await Promise.all(
      sequences.map((sequence) => publishOnce(engine, sequenceOf(sequence), [0, 1, 2], `${sequence}`)),
    )
    const offsets = new Map(
      sequences.map((sequence, at) => [sequence, answers[at]?.stored.map((part) => part.baseOffset)]),
    )
    for (const [at, { stored }] of answers.entries()) {
      const equal = offsets.get(sequences[at] ?? -1)
      assert.deepEqual(
        stored.map(({ baseOffset }) => baseOffset),
        equal,
      )
    }
    for (let sequence = 0; sequence < 5; sequence++) {
      const end = sequence === 0 ? [0, 0, 0] : offsets.get(sequence - 1)?.map((offset) => offset + 2)
      const next = offsets.get(sequence)
      if (promises.denseOffsets) assert.deepEqual(next, end)
      else assert.ok(next?.every((offset, at) => offset >= (end?.[at] ?? Infinity)))
    }
    assert.deepEqual((await allValues(engine, 'orders', 1)).join(' '), '0 02 1 12 2 22 3 32 4 42')
  })

  test('refusals: another body, a gap, an old epoch, an unknown producer, an unknown topic', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const claim = (identity: PublishIdentity) => claimOf(engine, identity)
    await assert.rejects(claim(sequenceOf(7)), brokerError('UNKNOWN_PRODUCER_ID'))
    await publishOnce(engine, sequenceOf(0), [0])
    await assert.rejects(claim(sequenceOf(0, 'other')), brokerError('IDEMPOTENCY_MISMATCH'))
    const gap = brokerError('OUT_OF_ORDER_SEQUENCE_NUMBER', { facts: { expectedSequence: 1 } })
    await assert.rejects(claim(sequenceOf(6)), gap)
    await publishOnce(engine, sequenceOf(0, 'other', 3), [0])
    await assert.rejects(claim(sequenceOf(1)), brokerError('PRODUCER_FENCED'))
    assert.deepEqual(await engine.producers.describe('orders', 'meter-7'), { epoch: 3, nextSequence: 1 })
    assert.equal(await engine.producers.describe('orders', 'meter-8'), undefined)
    const unknown = brokerError('UNKNOWN_TOPIC_OR_PARTITION')
    await assert.rejects(claimOf(engine, sequenceOf(0), 'none'), unknown)
    await assert.rejects(engine.producers.describe('none', 'meter-7'), unknown)
  })

  test('a claim does not outlive its topic, nor the open engine', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    await publishOnce(engine, sequenceOf(0), [0])
    const claim = await engine.producers.claim('orders', sequenceOf(1))
    const equal = assert.rejects(
      claimOf(engine, sequenceOf(1)),
      brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' }),
    )
    await new Promise((resolve) => setImmediate(resolve))
    await engine.topics.delete('orders')
    await equal
    await makeTopic(engine, 'orders')
    const part = { partition: 0, batches: [batchOf(['late'])] }
    await assert.rejects(claim.append([part], [0]), brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' }))
    assert.deepEqual(await allValues(engine, 'orders', 0), [])
    assert.equal(await engine.producers.describe('orders', 'meter-7'), undefined)
    await publishOnce(engine, sequenceOf(0), [0])
    const held = await engine.producers.claim('orders', sequenceOf(1))
    await engine.close()
    const stopping = brokerError('SERVER_STOPPING', { stored: 'no' })
    await assert.rejects(held.append([{ partition: 0, batches: [batchOf(['later'])] }], [0]), stopping)
    await assert.rejects(claimOf(engine, keyOf('late')), stopping)
  })
}

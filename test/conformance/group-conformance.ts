import assert from 'node:assert/strict'
import { brokerError, publish } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

export function groupConformance({ make, test }: EngineUnderTest): void {
  test('committed offsets are kept by group, topic and partition', async (t) => {
    const engine = await make(t)
    const topicId = await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 0: ['a', 'b', 'c'] })
    assert.deepEqual(await engine.groups.committed('billing'), [])
    const answers = await engine.groups.commit(
      'billing',
      [
        { topic: 'orders', partition: 1, nextOffset: 0 },
        { topic: 'orders', partition: 0, nextOffset: 2, metadata: 'm' },
        { topic: 'none', partition: 0, nextOffset: 1 },
      ],
      'advance',
    )
    assert.deepEqual(answers.map(({ partition, nextOffset }) => [partition, nextOffset]).slice(0, 2), [
      [1, 0],
      [0, 2],
    ])
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(answers[2]?.error)
    const committed = (await engine.groups.committed('billing')).map((entry) => ({ ...entry, commitTimestamp: 0 }))
    assert.deepEqual(committed, [
      { topic: 'orders', topicId, partition: 0, nextOffset: 2, metadata: 'm', commitTimestamp: 0 },
      { topic: 'orders', topicId, partition: 1, nextOffset: 0, metadata: '', commitTimestamp: 0 },
    ])
    assert.deepEqual(
      (await engine.groups.list()).map(({ group }) => group),
      ['billing'],
    )
  })

  test('a commit does not move back, a reset does', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const commit = async (nextOffset: number, mode: 'advance' | 'set'): Promise<number | undefined> => {
      const [answer] = await engine.groups.commit('billing', [{ topic: 'orders', partition: 0, nextOffset }], mode)
      return answer?.nextOffset
    }
    assert.equal(await commit(5, 'advance'), 5)
    assert.equal(await commit(3, 'advance'), 5)
    assert.equal(await commit(3, 'set'), 3)
    assert.equal((await engine.groups.committed('billing'))[0]?.nextOffset, 3)
  })

  test('offsets of a deleted topic are gone, also under its name made again', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    await engine.groups.commit('billing', [{ topic: 'orders', partition: 0, nextOffset: 1 }], 'set')
    await engine.topics.delete('orders')
    assert.deepEqual(await engine.groups.committed('billing'), [])
    await makeTopic(engine, 'orders')
    assert.deepEqual(await engine.groups.committed('billing'), [])
  })

  test('groups are forgotten and deleted', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 3)
    const offsets = [0, 1, 2].map((partition) => ({ topic: 'orders', partition, nextOffset: 1 }))
    await engine.groups.commit('billing', offsets, 'set')
    assert.equal(await engine.groups.forget('billing', ['orders']), 3)
    await engine.groups.commit('billing', offsets, 'set')
    await engine.groups.delete('billing')
    assert.equal(await engine.groups.find('billing'), undefined)
    await assert.rejects(engine.groups.delete('billing'), brokerError('GROUP_ID_NOT_FOUND'))
  })
}

import assert from 'node:assert/strict'
import { brokerError, publish, readFrom, valuesOf } from '../support/engine-records.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { makeTopic } from './make-topic.ts'

export function topicConformance({ make, test }: EngineUnderTest): void {
  test('a created topic is described, listed by name, and empty', async (t) => {
    const engine = await make(t)
    const configs = new Map([['retention.ms', '1000']])
    const created = await engine.topics.create({ name: 'orders', partitionCount: 3, configs })
    assert.match(created.topicId, /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
    assert.deepEqual(created, {
      name: 'orders',
      topicId: created.topicId,
      partitionCount: 3,
      internal: false,
      configs,
    })
    await makeTopic(engine, 'Zebra')
    await makeTopic(engine, 'apples')
    assert.deepEqual(
      engine.topics
        .list()
        .filter(({ internal }) => !internal)
        .map(({ name }) => name),
      ['Zebra', 'apples', 'orders'],
    )
    assert.deepEqual(engine.topics.find('orders'), created)
    assert.equal(engine.topics.find('order'), undefined)
    const partitions = await engine.topics.partitions('orders')
    assert.deepEqual(
      partitions.map(({ partition, logStartOffset, highWatermark, online }) => ({
        partition,
        logStartOffset,
        highWatermark,
        online,
      })),
      [0, 1, 2].map((partition) => ({ partition, logStartOffset: 0, highWatermark: 0, online: true })),
    )
    await assert.rejects(engine.topics.partitions('order'), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
  })

  test('of creations of one name at the same time one wins', async (t) => {
    const engine = await make(t)
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => makeTopic(engine, 'orders', 2)))
    const lost = results.filter((result) => result.status === 'rejected')
    assert.equal(lost.length, 7)
    for (const { reason } of lost) brokerError('TOPIC_ALREADY_EXISTS')(reason)
    await assert.rejects(makeTopic(engine, 'orders'), brokerError('TOPIC_ALREADY_EXISTS'))
  })

  test('who is told that a topic exists can find it, also while it is being created', async (t) => {
    const engine = await make(t)
    const create = () => engine.topics.create({ name: 'orders', partitionCount: 2, configs: new Map() })
    const first = create()
    const found = Array.from({ length: 3 }, async () => {
      await assert.rejects(create(), brokerError('TOPIC_ALREADY_EXISTS'))
      return engine.topics.find('orders')
    })
    assert.deepEqual(await Promise.all(found), Array(3).fill(await first))
  })

  test('names that differ only by . and _ are refused, also while the first is being created', async (t) => {
    const engine = await make(t)
    const first = makeTopic(engine, 'a.b_c')
    const conflict = brokerError('INVALID_TOPIC_EXCEPTION', { facts: { conflictsWith: 'a.b_c' } })
    await assert.rejects(makeTopic(engine, 'a_b.c'), conflict)
    await first
    await assert.rejects(makeTopic(engine, 'a.b.c'), conflict)
    await makeTopic(engine, 'a-b-c')
  })

  test('configs are altered and overrides removed', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 1, { 'retention.ms': '1000', 'segment.ms': '5000' })
    await engine.topics.alterConfigs(
      'orders',
      new Map([
        ['retention.ms', null],
        ['max.message.bytes', '2000'],
      ]),
    )
    assert.deepEqual(
      engine.topics.find('orders')?.configs,
      new Map([
        ['segment.ms', '5000'],
        ['max.message.bytes', '2000'],
      ]),
    )
    await assert.rejects(engine.topics.alterConfigs('none', new Map()), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
  })

  test('configs altered at the same time are all in force', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const changes = ['retention.ms', 'segment.ms', 'delete.retention.ms', 'file.delete.delay.ms']
    await Promise.all(changes.map((name) => engine.topics.alterConfigs('orders', new Map([[name, '60000']]))))
    assert.deepEqual([...(engine.topics.find('orders')?.configs.keys() ?? [])].sort(), changes.sort())
  })

  test('LogAppendTime is in force for the next append once it is set', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders')
    const before = await publish(engine, 'orders', { 0: ['a'] })
    assert.equal(before.parts[0]?.logAppendTime, -1)
    await engine.topics.alterConfigs('orders', new Map([['message.timestamp.type', 'LogAppendTime']]))
    const after = await publish(engine, 'orders', { 0: ['b'] })
    assert.ok((after.parts[0]?.logAppendTime ?? 0) > 1_700_000_000_000)
  })

  test('partitions are added, and never taken away', async (t) => {
    const engine = await make(t)
    await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 1: ['kept'] })
    await engine.topics.addPartitions('orders', 5)
    assert.equal(engine.topics.find('orders')?.partitionCount, 5)
    await publish(engine, 'orders', { 4: ['new'] })
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 4, offset: 0 })), ['new'])
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 1, offset: 0 })), ['kept'])
    for (const total of [5, 4, 0]) {
      await assert.rejects(engine.topics.addPartitions('orders', total), brokerError('INVALID_PARTITIONS'))
    }
    await assert.rejects(engine.topics.addPartitions('none', 2), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
  })

  test('a deleted topic is gone; one made again under its name is another, empty one', async (t) => {
    const engine = await make(t)
    const oldId = await makeTopic(engine, 'orders', 2)
    await publish(engine, 'orders', { 0: ['old'], 1: ['old'] })
    await engine.topics.delete('orders')
    assert.equal(engine.topics.find('orders'), undefined)
    await assert.rejects(
      publish(engine, 'orders', { 0: ['late'] }),
      brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' }),
    )
    const gone = await readFrom(engine, { topic: 'orders', partition: 0, offset: 0 })
    brokerError('UNKNOWN_TOPIC_OR_PARTITION')(gone.error)
    await assert.rejects(engine.topics.delete('orders'), brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
    const newId = await makeTopic(engine, 'orders', 2)
    assert.notEqual(newId, oldId)
    assert.deepEqual(valuesOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 0 })), [])
    const stale = await readFrom(engine, { topic: 'orders', topicId: oldId, partition: 0, offset: 0 })
    brokerError('UNKNOWN_TOPIC_ID')(stale.error)
    const fresh = await readFrom(engine, { topic: 'orders', topicId: newId, partition: 0, offset: 0 })
    assert.equal(fresh.error, undefined)
  })
}

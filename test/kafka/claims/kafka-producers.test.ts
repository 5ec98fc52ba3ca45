import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { ClaimLapsed } from '../../../src/broker/claim-lapsed.ts'
import type { PublishIdentity } from '../../../src/broker/publish-claim.ts'
import type { KafkaProducers } from '../../../src/kafka/claims/kafka-producers.ts'
import { requestName } from '../../../src/kafka/claims/request-name.ts'
import { batchOf, brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { clusterOf, gatewayOf, keyOf, publish, sequenceOf, settled, storedOf } from './model-gateway.ts'
import type { Loss, Step } from './model-transactions.ts'

/** As a client does it: the same again while it is told to. */
async function publishUntilStored(gateways: readonly KafkaProducers[], identity: PublishIdentity, text: string) {
  for (let tries = 0; ; tries++) {
    assert.ok(tries < 50, 'it never succeeds')
    const gateway = gateways[tries % gateways.length]
    assert.ok(gateway)
    try {
      return await publish(gateway, identity, text)
    } catch (error) {
      if (!(error instanceof BrokerError && error.retriable)) throw error
    }
  }
}

/** Another gateway was at it: who claims again is told what that one stored. */
function hasLapsed(error: unknown): true {
  assert.ok(error instanceof ClaimLapsed, String(error))
  return brokerError('CONCURRENT_TRANSACTIONS', { stored: 'unknown' })(error.failure)
}

test('the first repeat at a gateway that has not heard of the request is told where it is', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const [one, two] = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
  await settled(clock, publish(one, sequenceOf(0), 'a'))
  const stored = await settled(clock, publish(two, sequenceOf(1), 'b', [0, 2]))
  assert.deepEqual(await settled(clock, publish(one, sequenceOf(1), 'b', [0, 2])), stored)
  assert.deepEqual(cluster.log('orders', 0).values, ['a', 'b'])
})

test('a gateway that was fenced while it stored leaves it at what the other one did', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const [one, two] = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
  await settled(clock, publish(one, sequenceOf(0), 'a'))
  const paused = Promise.withResolvers<Loss>()
  const reached = Promise.withResolvers<void>()
  cluster.fault = (step, gateway) => {
    if (step !== 'end' || gateway !== 'one') return undefined
    reached.resolve()
    return paused.promise
  }
  const first = publish(one, sequenceOf(1), 'b')
  await settled(clock, reached.promise)
  // In the same millisecond.
  const second = await settled(clock, publish(two, sequenceOf(1), 'b'))
  paused.resolve(undefined)
  assert.deepEqual(await settled(clock, first), second)
  assert.deepEqual(await settled(clock, publish(one, sequenceOf(1), 'b')), second)
  assert.deepEqual(cluster.log('orders', 0).values, ['a', 'b'])
})

test('a gateway that slept between its verdict and its transaction stores nothing twice', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const [one, two] = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
  for (const identity of [sequenceOf(0), keyOf('k')]) {
    const asleep = await settled(clock, one.claim('orders', identity))
    const stored = await settled(clock, publish(two, identity, 'x'))
    const appended = asleep.append([{ partition: 0, batches: [batchOf(['x'])] }], [0])
    await assert.rejects(settled(clock, appended), hasLapsed)
    assert.deepEqual(await settled(clock, publish(one, identity, 'x')), stored)
  }
  assert.deepEqual(cluster.log('orders', 0).values, ['x', 'x'])
})

test('a gateway that slept until its request had expired stores nothing twice', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const [one, two] = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
  const asleep = await settled(clock, one.claim('orders', keyOf('k')))
  clock.advance(10)
  await settled(clock, publish(two, keyOf('k'), 'x'))
  clock.jump(2 * 3_600_000)
  const appended = asleep.append([{ partition: 0, batches: [batchOf(['x'])] }], [0])
  await assert.rejects(settled(clock, appended), brokerError('REQUEST_TIMED_OUT', { stored: 'no' }))
  assert.deepEqual(cluster.log('orders', 0).values, ['x'])
})

test('a commit whose answer is lost is looked up: stored where it was carried out, made again where not', async () => {
  for (const loss of ['before', 'after'] as const) {
    const cluster = await clusterOf()
    const clock = new FakeClock()
    const gateway = gatewayOf(cluster, clock)
    let losses = 1
    cluster.fault = (step) => (step === 'end' && losses-- > 0 ? loss : undefined)
    const stored = await settled(clock, publish(gateway, sequenceOf(0), 'a', [0, 2]))
    cluster.fault = () => undefined
    assert.deepEqual(await settled(clock, publish(gatewayOf(cluster, clock, 'two'), sequenceOf(0), 'a')), stored)
    assert.deepEqual([cluster.log('orders', 0).values, cluster.log('orders', 2).values], [['a'], ['a']])
  }
})

test('where nobody can tell what became of a commit, it is `unknown`, and the repeat finds out', async () => {
  for (const loss of ['before', 'after'] as const) {
    const cluster = await clusterOf()
    const clock = new FakeClock()
    const gateway = gatewayOf(cluster, clock)
    let isAway = false
    cluster.fault = (step) => {
      if (step === 'end') isAway = true
      return isAway ? (step === 'end' ? loss : 'before') : undefined
    }
    await assert.rejects(settled(clock, publish(gateway, keyOf('k'), 'a')), (error) => storedOf(error) === 'unknown')
    cluster.fault = () => undefined
    await settled(clock, publish(gateway, keyOf('k'), 'a'))
    assert.deepEqual(cluster.log('orders', 0).values, ['a'])
  }
})

test('a commit that was lost, and whose producer has gone on with a new epoch meanwhile, is not said to be `no`', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const [one, two] = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
  const paused = Promise.withResolvers<Loss>()
  const reached = Promise.withResolvers<void>()
  cluster.fault = (step, gateway) => {
    if (step !== 'open' || gateway !== 'one' || cluster.log('orders', 0).values.length === 0) {
      return step === 'end' && gateway === 'one' ? 'after' : undefined
    }
    reached.resolve()
    return paused.promise
  }
  const first = assert.rejects(publish(one, sequenceOf(0), 'a'), (error) => storedOf(error) === 'unknown')
  await settled(clock, reached.promise)
  await settled(clock, publish(two, sequenceOf(0, { epoch: 1 }), 'b'))
  paused.resolve(undefined)
  await settled(clock, first)
  assert.deepEqual(cluster.log('orders', 0).values, ['a', 'b'])
})

test('a time that a broker tells is the records’ own only where the topic says so', async () => {
  const cluster = await clusterOf()
  const configs = new Map([['message.timestamp.type', 'LogAppendTime']])
  await cluster.create({ name: 'timed', partitionCount: 1, configs })
  cluster.answeredTime = 5
  const clock = new FakeClock()
  const gateway = gatewayOf(cluster, clock)
  for (const [topic, time] of [
    ['orders', -1],
    ['timed', 5],
  ] as const) {
    const claim = await settled(clock, gateway.claim(topic, keyOf('k')))
    const { parts } = await settled(clock, claim.append([{ partition: 0, batches: [batchOf(['a'])] }], [0]))
    const again = await settled(clock, gateway.claim(topic, keyOf('k')))
    assert.deepEqual([parts[0]?.logAppendTime, again.stored[0]?.logAppendTime], [time, time])
  }
})

test('five requests in flight of one producer are stored in order, whatever order they came in, without waiting', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const gateway = gatewayOf(cluster, clock)
  await settled(clock, publish(gateway, sequenceOf(0), '0'))
  const before = clock.monotonic()
  const order = [5, 3, 1, 2, 4]
  await settled(clock, Promise.all(order.map((sequence) => publish(gateway, sequenceOf(sequence), `${sequence}`))))
  assert.deepEqual(cluster.log('orders', 0).values, ['0', '1', '2', '3', '4', '5'])
  // Who comes behind is woken, and does not look now and then.
  assert.ok(clock.monotonic() - before < 100, `${clock.monotonic() - before} ms`)
  assert.equal(cluster.opened, 1)
})

test('what has expired is forgotten whole: a key with another body, a producer that begins again', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const gateway = gatewayOf(cluster, clock)
  await settled(clock, publish(gateway, keyOf('k', 'first'), 'a'))
  await settled(clock, publish(gateway, sequenceOf(0, { body: 'first' }), 'b'))
  await settled(clock, publish(gateway, sequenceOf(1), 'c'))
  clock.jump(25 * 3_600_000)
  for (const other of [gateway, gatewayOf(cluster, clock, 'two')]) {
    await settled(clock, publish(other, keyOf('k', 'second'), 'd'))
    await settled(clock, publish(other, sequenceOf(0, { body: 'second' }), 'e'))
    await assert.rejects(settled(clock, publish(other, keyOf('k', 'first'), 'f')), brokerError('IDEMPOTENCY_MISMATCH'))
    assert.deepEqual(await settled(clock, other.describe('orders', 'meter')), { epoch: 0, nextSequence: 1 })
  }
  assert.deepEqual(cluster.log('orders', 0).values, ['a', 'b', 'c', 'd', 'e'])
})

test('when the memory is full, new ones are refused, known ones go on, and room comes with expiry', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const gateway = gatewayOf(cluster, clock, 'one', { producerStateBytesMax: 36_000 })
  let count = 0
  const full = brokerError('PRODUCER_STATE_FULL', { stored: 'no' })
  await assert.rejects(
    settled(
      clock,
      (async () => {
        for (; count < 10_000; count++) await publish(gateway, keyOf(`${count}`), 'x')
      })(),
    ),
    full,
  )
  assert.ok(count > 300 && gateway.stateBytes <= 36_000, `${count} in ${gateway.stateBytes}`)
  const { length } = cluster.log('orders', 0).values
  for (let number = 0; number < count; number++) await settled(clock, publish(gateway, keyOf(`${number}`), 'x'))
  assert.equal(cluster.log('orders', 0).values.length, length)
  // Others know as many, and take no more either.
  const other = gatewayOf(cluster, clock, 'two', { producerStateBytesMax: 36_000 })
  await settled(clock, publish(other, keyOf('0'), 'x'))
  clock.advance(2 * 3_600_000)
  await settled(clock, publish(gateway, keyOf(`${count}`), 'y'))
  assert.ok(gateway.stateBytes < 33_000, `${gateway.stateBytes}`)
})

test('keys that share a transactional id do not disturb each other, at one gateway or at two', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const topicId = cluster.find('orders')?.topicId ?? ''
  const shared = Map.groupBy(
    Array.from({ length: 20_000 }, (_, number) => `${number}`),
    (key) => requestName(topicId, { kind: 'key', key }).transactionalId,
  )
  const keys = [...shared.values()].find(({ length }) => length >= 6)?.slice(0, 6) ?? []
  assert.equal(keys.length, 6)
  const gateways = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
  const stored = Promise.all(
    keys.map((key, at) => publishUntilStored(at % 2 === 0 ? gateways : gateways.toReversed(), keyOf(key), key)),
  )
  await settled(clock, stored)
  assert.deepEqual(cluster.log('orders', 0).values.toSorted(), keys.toSorted())
})

/** What may go wrong, step by step. */
const losses = fc.array(fc.constantFrom<Loss>('before', 'after', undefined, undefined, undefined, undefined), {
  minLength: 1,
  maxLength: 40,
})

test('whatever answers are lost, and whoever gets the repeats, each request is stored once and in order', async () => {
  const plans = fc.record({
    losses,
    order: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    delays: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 10 }),
  })
  await fc.assert(
    fc.asyncProperty(plans, async ({ losses: plan, order, delays }) => {
      const cluster = await clusterOf()
      const clock = new FakeClock()
      const gateways = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')]
      await settled(clock, publishUntilStored(gateways, sequenceOf(0), '0'))
      let turn = 0
      cluster.fault = async (_step: Step) => {
        const at = turn++
        const delayMs = delays[at % delays.length] ?? 0
        if (delayMs > 0) await new Promise<void>((resolve) => void clock.setTimer(delayMs, resolve))
        return at < 60 ? plan[at % plan.length] : undefined
      }
      const places = await settled(
        clock,
        Promise.all(
          order.map(async (isFirst, at) => {
            const sequence = at + 1
            const own = isFirst ? gateways : gateways.toReversed()
            const [one, two] = await Promise.all([
              publishUntilStored(own, sequenceOf(sequence), `${sequence}`),
              publishUntilStored(own.toReversed(), sequenceOf(sequence), `${sequence}`),
            ])
            assert.deepEqual(one, two)
            return one
          }),
        ),
      )
      assert.deepEqual(cluster.log('orders', 0).values, ['0', '1', '2', '3', '4', '5'])
      cluster.fault = () => undefined
      const third = gatewayOf(cluster, clock, 'three')
      for (const sequence of [1, 2, 3, 4, 5]) {
        assert.deepEqual(await settled(clock, publish(third, sequenceOf(sequence), 'again')), places[sequence - 1])
      }
    }),
    { numRuns: 30 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClaimLapsed } from '../../../src/broker/claim-lapsed.ts'
import { batchOf, brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { clusterOf, gatewayOf, keyOf, publish, sequenceOf, settled } from './model-gateway.ts'

/** Topics, and those of the gateways, that others delete, make again or set otherwise. */

test('a topic that was made again while its request was being stored does not get the records', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const gateway = gatewayOf(cluster, clock)
  const claim = await settled(clock, gateway.claim('orders', keyOf('k')))
  cluster.fault = async (step) => {
    if (step !== 'begin') return undefined
    cluster.delete('orders')
    await cluster.create({ name: 'orders', partitionCount: 3, configs: new Map() })
    return undefined
  }
  const appended = claim.append([{ partition: 0, batches: [batchOf(['a'])] }], [0])
  await assert.rejects(settled(clock, appended), (error) => {
    assert.ok(error instanceof ClaimLapsed, String(error))
    return brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' })(error.failure)
  })
  cluster.fault = () => undefined
  assert.deepEqual(cluster.log('orders', 0).values, [])
  await settled(clock, publish(gateway, keyOf('k'), 'a'))
  assert.deepEqual(cluster.log('orders', 0).values, ['a'])
})

test('a ledger that is deleted behind our back is made again, and what comes then is known again', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const gateways = [gatewayOf(cluster, clock, 'one'), gatewayOf(cluster, clock, 'two')] as const
  for (let sequence = 0; sequence < 8; sequence++) {
    await settled(clock, publish(gateways[0], sequenceOf(sequence), `${sequence}`))
  }
  cluster.delete('__posthorn_producers')
  await assert.rejects(settled(clock, publish(gateways[0], sequenceOf(8), '8')), brokerError('UNKNOWN_PRODUCER_ID'))
  const again = sequenceOf(0, { epoch: 1 })
  const place = await settled(clock, publish(gateways[0], again, 'a'))
  for (const gateway of [...gateways, gatewayOf(cluster, clock, 'three')]) {
    assert.deepEqual(await settled(clock, publish(gateway, again, 'a')), place)
  }
})

test('a ledger that forgets too early is told to keep what is promised', async () => {
  const cluster = await clusterOf()
  const clock = new FakeClock()
  const configs = new Map([['retention.ms', '1000']])
  await cluster.create({ name: '__posthorn_producers', partitionCount: 16, configs })
  await settled(clock, publish(gatewayOf(cluster, clock), sequenceOf(0), 'a'))
  const ledger = cluster.find('__posthorn_producers')
  assert.ok(Number(ledger?.configs.get('retention.ms')) >= 24 * 3_600_000)
  await cluster.create({ name: '__posthorn_idempotency_keys', partitionCount: 3, configs })
  const tooSmall = brokerError('UNSUPPORTED_VERSION', { stored: 'no' })
  await assert.rejects(settled(clock, publish(gatewayOf(cluster, clock), keyOf('k'), 'a')), tooSmall)
})

test('a topic made again behind a gateway is published to by the first request, before and behind its verdict', async () => {
  for (const madeAt of ['open', 'begin'] as const) {
    const cluster = await clusterOf()
    const clock = new FakeClock()
    const gateway = gatewayOf(cluster, clock)
    await settled(clock, publish(gateway, sequenceOf(0), 'old'))
    let isMade = false
    cluster.fault = async (step) => {
      if (step !== madeAt || isMade) return undefined
      isMade = true
      cluster.delete('orders')
      await cluster.create({ name: 'orders', partitionCount: 2, configs: new Map() })
      return undefined
    }
    const stored = await settled(clock, publish(gateway, keyOf('k'), 'new'))
    assert.deepEqual(cluster.log('orders', 0).values, ['new'])
    assert.deepEqual(await settled(clock, publish(gateway, keyOf('k'), 'new')), stored)
  }
})

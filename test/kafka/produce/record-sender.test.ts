import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { Acks } from '../../../src/broker/append-request.ts'
import type { BatchOutcome } from '../../../src/kafka/produce/outbound-batch.ts'
import type { ProduceRequest } from '../../../src/kafka/produce/produce-request.ts'
import { RecordSender } from '../../../src/kafka/produce/record-sender.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ModelCluster } from './model-cluster.ts'

interface Sent {
  readonly partition: number
  readonly value: string
  outcome: BatchOutcome | undefined
}

class World {
  readonly clock = new FakeClock()
  readonly cluster = new ModelCluster(4)
  readonly sender = new RecordSender({ cluster: this.cluster, clock: this.clock, replicationTimeoutMs: 1000 })
  readonly sent: Sent[] = []

  push(partition: number, acks: Acks = 'all', lifetimeMs = 60_000): Sent {
    const entry: Sent = { partition, value: `${this.sent.length}`, outcome: undefined }
    this.sent.push(entry)
    const settle = (outcome: BatchOutcome): void => {
      assert.equal(entry.outcome, undefined, 'settled twice')
      entry.outcome = outcome
    }
    const deadline = this.clock.monotonic() + lifetimeMs
    this.sender.push('orders', partition, [
      { ...batchOf([entry.value]), acks, maxBatchBytes: 1_000_000, deadline, settle },
    ])
    return entry
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) await setImmediate()
  }

  /** All is well again, until everything is settled. */
  async finish(): Promise<void> {
    this.cluster.isReachable = true
    this.cluster.topicIsGone = false
    for (const partition of this.cluster.leaders.keys()) this.cluster.leaders[partition] = partition % 2
    for (let round = 0; this.sent.some(({ outcome }) => outcome === undefined); round++) {
      assert.ok(round < 1000, 'it comes to an end')
      this.clock.advance(100)
      await this.settle()
      this.cluster.answerOne()
      await this.settle()
    }
  }

  check(): void {
    assert.ok(this.cluster.mostInFlight <= 5)
    for (const [partition, { values }] of this.cluster.logs.entries()) {
      assert.deepEqual(
        values,
        values
          .map(Number)
          .toSorted((one, other) => one - other)
          .map(String),
        'in order, once',
      )
      assert.equal(new Set(values).size, values.length, 'stored once')
      for (const { value, outcome } of this.sent.filter((one) => one.partition === partition)) {
        if (outcome?.kind === 'stored') assert.equal(values[outcome.baseOffset], value)
        else if (outcome?.stored === 'no') assert.ok(!values.includes(value))
      }
    }
  }
}

type Step = (world: World) => unknown

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.nat(3).map(
      (partition): Step =>
        (world) =>
          world.push(partition),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.nat(3).map(
      (partition): Step =>
        (world) =>
          world.push(partition, 'all', 150),
    ),
  },
  { weight: 8, arbitrary: fc.constant<Step>((world) => world.cluster.answerOne()) },
  {
    weight: 2,
    arbitrary: fc.nat(4).map(
      (count): Step =>
        (world) =>
          world.cluster.breakAll(count),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(3), fc.integer({ min: -1, max: 2 })).map(([partition, leader]): Step => (world) => {
      world.cluster.leaders[partition] = leader
    }),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (is): Step =>
        (world) =>
          (world.cluster.isReachable = is),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (is): Step =>
        (world) =>
          (world.cluster.topicIsGone = is),
    ),
  },
  { weight: 4, arbitrary: fc.constant<Step>((world) => world.clock.advance(100)) },
)

test('leaders that move, connections that break, a cluster that is away, a topic that cannot be seen: stored once, in order, and as it was said', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 60, size: 'max' }), async (taken) => {
      const world = new World()
      for (const step of taken) {
        step(world)
        await world.settle()
      }
      await world.finish()
      world.check()
    }),
    { numRuns: 300 },
  )
})

test('one request carries what several partitions of a node have', async () => {
  const world = new World()
  for (const partition of [0, 1, 2, 3]) world.push(partition)
  await world.settle()
  assert.equal(world.cluster.requestsOnTheWire, 2)
  await world.finish()
  world.check()
})

test('what was never sent is refused when no node answers, and what is in doubt is tried on', async () => {
  const world = new World()
  const doubtful = world.push(0)
  await world.settle()
  const behind = world.push(0)
  world.cluster.breakAll(1)
  world.cluster.isReachable = false
  await world.settle()
  world.clock.advance(100)
  await world.settle()
  assert.deepEqual([behind.outcome?.kind, doubtful.outcome], ['failed', undefined])
  await world.finish()
  assert.deepEqual(doubtful.outcome, { kind: 'stored', baseOffset: 0, logAppendTime: -1 })
})

test('a topic that is deleted refuses what is left', async () => {
  const world = new World()
  world.cluster.topicIsGone = true
  const late = world.push(0)
  await world.settle()
  world.cluster.answerOne()
  for (let round = 0; round < 5; round++) {
    await world.settle()
    world.clock.advance(100)
    await world.settle()
    world.cluster.answerOne()
  }
  assert.ok(late.outcome?.kind === 'failed')
  assert.deepEqual([late.outcome.stored, late.outcome.failure.code], ['no', 'NOT_LEADER_OR_FOLLOWER'])
})

test('a partition that was gone and is back takes nothing new for what it had before', async () => {
  const world = new World()
  const before = world.push(0)
  await world.settle()
  world.cluster.answerOne()
  await world.settle()
  assert.equal(before.outcome?.kind, 'stored')
  // As where the gateway may not see the topic for a while.
  world.cluster.topicIsGone = true
  const refused = world.push(0)
  for (let round = 0; round < 5; round++) {
    await world.settle()
    world.cluster.answerOne()
    await world.settle()
    world.clock.advance(100)
  }
  assert.equal(refused.outcome?.kind, 'failed')
  assert.equal(world.sender.partitionCount, 0)
  world.cluster.topicIsGone = false
  world.push(0)
  await world.finish()
  assert.deepEqual(world.cluster.logs[0]?.values, ['0', '2'])
  world.check()
})

test('a cluster that gives no producer id: acks=all is refused, acks=1 goes on', async () => {
  const world = new World()
  world.cluster.sessionFailure = new BrokerError('CLUSTER_AUTHORIZATION_FAILED', 'Not this gateway.')
  const all = world.push(0)
  const one = world.push(1, '1')
  await world.settle()
  world.cluster.answerOne()
  await world.settle()
  assert.ok(all.outcome?.kind === 'failed' && all.outcome.failure.code === 'CLUSTER_AUTHORIZATION_FAILED')
  assert.equal(one.outcome?.kind, 'stored')
})

test('who gives up settles what waits at once, and what is in flight with its answer', async () => {
  const world = new World()
  const flying = world.push(0)
  await world.settle()
  const waiting = world.push(0)
  world.sender.giveUp()
  assert.deepEqual([flying.outcome, waiting.outcome?.kind], [undefined, 'failed'])
  world.cluster.breakAll(0)
  await world.settle()
  assert.ok(flying.outcome?.kind === 'failed' && flying.outcome.stored === 'unknown')
})

test('what is kept of partitions does not grow with topics that come and go', async () => {
  const clock = new FakeClock()
  const gone = new Set<string>()
  const cluster = Object.assign(new ModelCluster(0), {
    leaderOf: ({ topic }: { readonly topic: string }) => (gone.has(topic) ? ('gone' as const) : 1),
    produce: (_nodeId: number, { batches }: ProduceRequest) =>
      Promise.resolve(
        batches.map(({ topic, partition }) => {
          return { topic, partition, kafkaCode: 0, baseOffset: 0, logAppendTime: -1, message: null }
        }),
      ),
  })
  const sender = new RecordSender({ cluster, clock, replicationTimeoutMs: 1000 })
  let stored = 0
  for (let round = 0; round < 40; round++) {
    const topics = Array.from({ length: 100 }, (_, index) => `topic-${round}-${index}`)
    for (const topic of topics) {
      const batch = { ...batchOf(['a']), acks: 'all' as const, maxBatchBytes: 1_000_000, deadline: 1000 }
      sender.push(topic, 0, [{ ...batch, settle: ({ kind }) => (stored += kind === 'stored' ? 1 : 0) }])
    }
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    for (const topic of topics) gone.add(topic)
  }
  assert.equal(stored, 4000)
  assert.ok(sender.partitionCount <= 1100, `${sender.partitionCount} of 4000 are kept`)
})

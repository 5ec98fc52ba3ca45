import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { Acks } from '../../../src/broker/append-request.ts'
import type { BatchOutcome, OutboundBatch, Shipment } from '../../../src/kafka/produce/outbound-batch.ts'
import { IN_FLIGHT_MAX, PartitionOutbox } from '../../../src/kafka/produce/partition-outbox.ts'
import { judgementOf, withoutAnswer, type ShipmentAnswer } from '../../../src/kafka/produce/produce-answer.ts'
import { baseSequence, producerEpoch } from '../../../src/codec/record-batch.ts'
import { batchOf } from '../../support/engine-records.ts'
import { ModelPartition } from './model-partition.ts'

const failure = new BrokerError('NETWORK_EXCEPTION', 'No answer.')
const late = new BrokerError('REQUEST_TIMED_OUT', 'Too late.')

interface Sent {
  readonly values: readonly string[]
  outcome: BatchOutcome | undefined
}

interface Flight {
  readonly shipment: Shipment
  /** As it is on the wire. */
  readonly bytes: Buffer
}

/** One partition of a gateway, its leader, and the connection between them. */
class World {
  readonly outbox = new PartitionOutbox('orders', 0)
  readonly log = new ModelPartition()
  readonly sent: Sent[] = []
  readonly #flights: Flight[] = []
  #session = { id: 1n, epoch: 0 }
  #now = 0

  push(recordCount: number, acks: Acks, lifetime = 1_000_000): void {
    const values = Array.from({ length: recordCount }, (_, at) => `${this.sent.length}.${at}`)
    const entry: Sent = { values, outcome: undefined }
    this.sent.push(entry)
    const settle = (outcome: BatchOutcome): void => {
      assert.equal(entry.outcome, undefined, 'settled twice')
      entry.outcome = outcome
    }
    const batch: OutboundBatch = {
      ...batchOf(values),
      acks,
      maxBatchBytes: 1_000_000,
      deadline: this.#now + lifetime,
      settle,
    }
    this.outbox.push(batch)
  }

  /** Sends what may be sent. */
  send(most = Number.POSITIVE_INFINITY): void {
    for (let count = 0; count < most; count++) {
      if (this.outbox.wantsSession(this.#session)) this.#session = { id: this.#session.id + 1n, epoch: 0 }
      const shipment = this.outbox.next(this.#session)
      if (shipment === undefined) return
      this.#flights.push({ shipment, bytes: Buffer.from(shipment.bytes) })
      assert.ok(this.#flights.length <= IN_FLIGHT_MAX)
    }
  }

  /** The broker takes the oldest request in and answers it, or says `code` instead, before or after it stored it. */
  answer(code = 0, stores = code === 0): void {
    const flight = this.#flights.shift()
    if (flight === undefined) return
    const said = stores ? this.log.append(flight.bytes) : { kafkaCode: code, baseOffset: -1 }
    this.outbox.answer(flight.shipment, this.#answerOf(code === 0 ? said : { kafkaCode: code, baseOffset: -1 }, flight))
  }

  /** The connection breaks when the broker has got so many of its requests; their answers are lost. */
  breakConnection(got: number): void {
    for (const [at, { shipment, bytes }] of this.#flights.splice(0).entries()) {
      if (at < got) this.log.append(bytes)
      this.outbox.answer(shipment, withoutAnswer('doubt', failure))
    }
  }

  pass(ms: number): void {
    this.#now += ms
    this.outbox.expire(this.#now, late)
  }

  refuseUnsent(): void {
    this.outbox.refuseUnsent(failure)
  }

  finish(): void {
    this.log.maxBatchBytes = Number.POSITIVE_INFINITY
    for (let round = 0; !this.outbox.isEmpty; round++) {
      assert.ok(round < 10_000, 'it comes to an end')
      this.send()
      this.answer()
    }
  }

  /** What clients were told is so. */
  check(): void {
    const { values } = this.log
    const order = values.map((value) => this.sent.findIndex((one) => one.values.includes(value)))
    assert.deepEqual(
      order,
      order.toSorted((one, other) => one - other),
      'stored in the order in which they came',
    )
    assert.equal(new Set(values).size, values.length, 'stored once')
    for (const { values: own, outcome } of this.sent) {
      assert.ok(outcome !== undefined, 'settled')
      const at = values.indexOf(own[0] ?? '')
      if (outcome.kind === 'stored')
        assert.deepEqual(values.slice(outcome.baseOffset, outcome.baseOffset + own.length), own)
      else if (outcome.stored === 'no') assert.equal(at, -1, 'what is said not to be stored is not')
    }
  }

  #answerOf({ kafkaCode, baseOffset }: { kafkaCode: number; baseOffset: number }, flight: Flight): ShipmentAnswer {
    const judgement = judgementOf(kafkaCode, flight.shipment.acks)
    return { judgement, baseOffset, logAppendTime: -1, failure: kafkaCode === 0 ? undefined : failure }
  }
}

type Step = (world: World) => void

function named(name: string, step: Step): Step {
  return Object.assign(step, { toString: () => name })
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(10, 1_000_000))
      .map(([count, life]) => named(`push ${count} for ${life}`, (world) => world.push(count, 'all', life))),
  },
  {
    weight: 5,
    arbitrary: fc.integer({ min: 1, max: 5 }).map((most) => named(`send ${most}`, (world) => world.send(most))),
  },
  { weight: 5, arbitrary: fc.constant(named('answer', (world) => world.answer())) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(3, 19, 29, 87).map((code) => named(`refuse ${code}`, (world) => world.answer(code))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(6, 7, 20, 56)
      .map((code) => named(`${code} after storing`, (world) => world.answer(code, true))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(6, 7, 20, 56).map((code) => named(`${code} without`, (world) => world.answer(code))),
  },
  { weight: 1, arbitrary: fc.nat(5).map((got) => named(`break after ${got}`, (world) => world.breakConnection(got))) },
  { weight: 1, arbitrary: fc.constant(named('pass 10', (world) => world.pass(10))) },
  { weight: 1, arbitrary: fc.constant(named('refuse unsent', (world) => world.refuseUnsent())) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(90, 120, 1_000_000)
      .map((bytes) => named(`at most ${bytes} bytes`, (world) => (world.log.maxBatchBytes = bytes))),
  },
)

test('whatever happens on the way: stored once, in order, and as it was said', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80, size: 'max' }), (taken) => {
      const world = new World()
      for (const step of taken) step(world)
      world.finish()
      world.check()
    }),
    { numRuns: 3000 },
  )
})

test('batches that wait go out as one, and each is told its own offset', () => {
  const world = new World()
  for (let i = 0; i < 6; i++) world.push(2, 'all')
  world.send(1)
  world.answer()
  assert.deepEqual(
    world.sent.map(({ outcome }) => outcome?.kind === 'stored' && outcome.baseOffset),
    [0, 2, 4, 6, 8, 10],
  )
})

test('a refused batch costs those behind it an epoch, and nothing else', () => {
  const outbox = new PartitionOutbox('orders', 0)
  const session = { id: 7n, epoch: 0 }
  const outcomes: string[] = []
  const shipments: Shipment[] = []
  const begin = batchOf(Array.from({ length: 5000 }, () => 'begin'))
  outbox.push({ ...begin, acks: 'all', maxBatchBytes: 1, deadline: 1, settle: () => {} })
  const before = outbox.next(session)
  assert.ok(before)
  for (const name of ['a', 'b', 'c']) {
    const settle = ({ kind }: BatchOutcome): unknown => outcomes.push(`${name} ${kind}`)
    outbox.push({ ...batchOf([name]), acks: 'all', maxBatchBytes: 1, deadline: 1, settle })
    assert.equal(outbox.next(session), undefined, 'a producer that is not known yet has one batch in flight')
  }
  outbox.answer(before, { judgement: 'stored', baseOffset: 0, logAppendTime: -1, failure: undefined })
  for (let count = 0; count < 3; count++) {
    const shipment = outbox.next(session)
    assert.ok(shipment)
    shipments.push(shipment)
  }
  const [a, b, c] = shipments
  assert.ok(a && b && c)
  assert.deepEqual(
    shipments.map(({ bytes }) => baseSequence(bytes, 0)),
    [5000, 5001, 5002],
  )
  outbox.answer(a, withoutAnswer('refused', failure))
  outbox.answer(b, { judgement: 'out-of-order', baseOffset: -1, logAppendTime: -1, failure })
  assert.equal(outbox.next(session), undefined, 'c is in flight yet')
  outbox.answer(c, { judgement: 'out-of-order', baseOffset: -1, logAppendTime: -1, failure })
  assert.equal(outbox.next(session), b)
  assert.deepEqual([producerEpoch(b.bytes, 0), baseSequence(b.bytes, 0)], [1, 0])
  outbox.answer(b, { judgement: 'stored', baseOffset: 5000, logAppendTime: -1, failure: undefined })
  assert.equal(outbox.next(session), c)
  assert.deepEqual([producerEpoch(c.bytes, 0), baseSequence(c.bytes, 0)], [1, 1])
  assert.deepEqual(outcomes, ['a failed', 'b stored'])
})

test('joined batches are refused each for its own records', () => {
  for (const code of [10, 32, 87]) {
    const world = new World()
    for (let i = 0; i < 3; i++) world.push(2, 'all')
    world.send(1)
    world.answer(code)
    world.send(1)
    world.answer(code)
    world.finish()
    world.check()
    assert.deepEqual(
      world.sent.map(({ outcome }) => outcome?.kind),
      ['failed', 'stored', 'stored'],
    )
  }
})

test('without sequences there is one at a time, and what may be stored is not sent again', () => {
  const world = new World()
  world.push(1, '1')
  world.push(1, 'all')
  world.push(1, '1')
  world.send()
  world.breakConnection(1)
  assert.deepEqual(world.sent[0]?.outcome, { kind: 'failed', stored: 'unknown', failure })
  world.send()
  world.answer(3)
  world.finish()
  world.check()
})

test('that a broker has lost the sequence is not told to those who gave none', () => {
  const outbox = new PartitionOutbox('orders', 0)
  const outcomes: BatchOutcome[] = []
  for (const value of ['a', 'b']) {
    const settle = (outcome: BatchOutcome): unknown => outcomes.push(outcome)
    outbox.push({ ...batchOf([value.repeat(40_000)]), acks: 'all', maxBatchBytes: 1_000_000, deadline: 10, settle })
  }
  const lost = {
    judgement: 'out-of-order',
    baseOffset: -1,
    logAppendTime: -1,
    failure: new BrokerError('OUT_OF_ORDER_SEQUENCE_NUMBER', 'Not what comes next.'),
  } as const
  const session = { id: 1n, epoch: 0 }
  const first = outbox.next(session)
  assert.ok(first)
  outbox.answer(first, withoutAnswer('doubt', failure))
  const again = outbox.next(session)
  assert.ok(again)
  outbox.answer(again, lost)
  const second = outbox.next(session)
  assert.ok(second)
  outbox.answer(second, lost)
  outbox.expire(10, late)
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'failed' && [outcome.stored, outcome.failure.code]),
    [
      ['unknown', 'NETWORK_EXCEPTION'],
      ['no', 'REQUEST_TIMED_OUT'],
    ],
  )
})

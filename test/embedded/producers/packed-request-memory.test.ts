import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KnownProducer } from '../../../src/broker/known-producer.ts'
import { PackedRequestMemory } from '../../../src/embedded/producers/packed-request-memory.ts'
import { producerKey, type RequestFacts } from '../../../src/embedded/producers/request-facts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { UnboundedRequestMemory } from '../../support/unbounded-request-memory.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

function memoryOf(clock: FakeClock, maxBytes = 64 * MIB): PackedRequestMemory {
  return new PackedRequestMemory({
    maxBytes,
    producerExpirationMs: 24 * HOUR_MS,
    keyRetentionMs: HOUR_MS,
    now: () => clock.now(),
    steadyNow: () => clock.now(),
  })
}

const topicIds = ['Kx3pV0QzS0aHn1d2m3X4bA', 'AAAAAAAAAAAAAAAAAAAAAQ']

function factsOf(clock: FakeClock, changes: Partial<RequestFacts> & { readonly producerId?: string }): RequestFacts {
  const { producerId = 'one', topicId = topicIds[0] ?? '', kind = 'sequence' } = changes
  const key = producerKey(topicId, kind === 'key' ? { kind, key: producerId } : { kind, producerId })
  return {
    ...key,
    bornMs: clock.now(),
    epoch: 0,
    sequence: 0,
    fingerprint: Buffer.alloc(16, changes.sequence ?? 0),
    partitionCount: 3,
    arrivedMs: clock.now(),
    partitions: [0],
    stored: [{ partition: 0, baseOffset: 7, lastOffset: 9, logAppendTime: -1 }],
    ...changes,
  }
}

function seen(known: KnownProducer | undefined): unknown {
  if (!known) return undefined
  const { bornMs, epoch, lastSequence, lastIsComplete } = known
  const requests = Array.from({ length: 12 }, (_, back) => known.request(lastSequence - back)).map(
    (request) =>
      request && {
        ...request,
        stored: request.stored.toSorted((one, other) => one.partition - other.partition),
        missing: request.missing.toSorted((one, other) => one - other),
      },
  )
  return { bornMs, epoch, lastSequence, lastIsComplete, requests }
}

const offset = fc.oneof(
  fc.integer({ min: 0, max: 1000 }),
  fc.maxSafeNat().filter((value) => value < 2 ** 52),
)
const someFacts = fc
  .record({
    topic: fc.constantFrom(0, 1),
    kind: fc.constantFrom('sequence' as const, 'key' as const),
    producerId: fc.constantFrom('one', 'two', 'three'),
    life: fc.integer({ min: 0, max: 2 }),
    epoch: fc.integer({ min: 0, max: 2 }),
    sequence: fc.integer({ min: 0, max: 9 }),
    all: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }),
    here: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    base: offset,
    count: fc.integer({ min: 1, max: 100_000 }),
    appended: fc.option(fc.integer({ min: -1000, max: 1_000_000 }), { nil: undefined }),
    partitionCount: fc.integer({ min: 1, max: 100_000 }),
  })
  .map((one) => {
    const { kind, life, all, base, count, appended, partitionCount } = one
    const start = 1_700_000_000_000
    const arrivedMs = start + life * 1000 + one.sequence
    const stored = all
      .filter((_, index) => index === 0 || one.here[index])
      .map((partition) => ({
        partition,
        baseOffset: base + partition,
        lastOffset: base + partition + count - 1,
        logAppendTime: appended === undefined ? -1 : arrivedMs + appended,
      }))
    const numbers = kind === 'key' ? { epoch: 0, sequence: 0 } : { epoch: one.epoch, sequence: one.sequence }
    const topicId = topicIds[one.topic] ?? ''
    return {
      ...producerKey(topicId, kind === 'key' ? { kind, key: one.producerId } : { kind, producerId: one.producerId }),
      ...numbers,
      bornMs: start + life * 1000,
      fingerprint: Buffer.alloc(16, numbers.sequence),
      partitionCount,
      arrivedMs,
      partitions: all,
      stored,
    }
  })

test('it remembers what a memory without bounds and tricks does, whatever comes in whatever order', () => {
  fc.assert(
    fc.property(fc.array(someFacts, { maxLength: 60 }), (history) => {
      const packed = memoryOf(new FakeClock())
      const plain = new UnboundedRequestMemory()
      for (const facts of history) {
        packed.record(facts)
        plain.record(facts)
        assert.deepEqual(seen(packed.find(facts)), seen(plain.find(facts)))
      }
      for (const facts of history) assert.deepEqual(seen(packed.find(facts)), seen(plain.find(facts)))
      const copy = memoryOf(new FakeClock())
      for (const facts of packed.all()) copy.record(facts)
      for (const facts of history) assert.deepEqual(seen(copy.find(facts)), seen(packed.find(facts)))
      assert.equal(copy.sizeBytes, packed.sizeBytes)
      for (const topicId of topicIds) packed.forgetTopic(topicId)
      assert.equal(packed.count, 0)
      assert.equal([...packed.all()].length, 0)
    }),
    { numRuns: 300 },
  )
})

test('100,000 producers with five requests each fit 64 MiB, and a new one finds no room behind the last', () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock)
  for (let producer = 0; producer < 100_000; producer++) {
    const producerId = `producer-${producer}`
    const room = memory.promise(producerKey(topicIds[0] ?? '', { kind: 'sequence', producerId }))
    assert.ok(room?.extend(1))
    for (let sequence = 0; sequence < 5; sequence++) {
      const stored = [
        { partition: 0, baseOffset: producer * 5000, lastOffset: producer * 5000 + 99, logAppendTime: -1 },
      ]
      memory.record(factsOf(clock, { producerId, sequence, stored }))
    }
    room?.giveBack()
  }
  assert.equal(memory.count, 100_000)
  assert.ok(memory.sizeBytes < 64 * MIB, `${memory.sizeBytes}`)
  const known = memory.find(producerKey(topicIds[0] ?? '', { kind: 'sequence', producerId: 'producer-77777' }))
  assert.equal(known?.request(2)?.stored[0]?.baseOffset, 77_777 * 5000)
})

test('when it is full new ones are refused, those that are known go on, and expiry makes room', () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 64 * 1024)
  const keyOf = (producerId: string) => producerKey(topicIds[0] ?? '', { kind: 'sequence', producerId })
  let count = 0
  for (; ; count++) {
    const room = memory.promise(keyOf(`p${count}`))
    if (!room) break
    memory.record(factsOf(clock, { producerId: `p${count}` }))
    room.giveBack()
  }
  assert.ok(count > 100 && memory.sizeBytes <= 64 * 1024)
  for (let sequence = 1; sequence < 9; sequence++) {
    const room = memory.promise(keyOf('p7'))
    assert.ok(room?.extend(1))
    memory.record(factsOf(clock, { producerId: 'p7', sequence }))
    room?.giveBack()
  }
  assert.equal(memory.promise(keyOf('new')), undefined)
  clock.advance(24 * HOUR_MS)
  assert.ok(memory.promise(keyOf('new')))
  assert.equal(memory.find(keyOf('p7')), undefined)
  assert.equal(memory.count, 0)
})

test('room that was promised and given back is there again', () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock, 8 * 1024)
  const promised = []
  for (let index = 0; ; index++) {
    const room = memory.promise(producerKey(topicIds[0] ?? '', { kind: 'key', key: `k${index}` }))
    if (!room) break
    promised.push(room)
  }
  const [first] = promised
  assert.equal(first?.extend(1000), false)
  first?.giveBack()
  first?.giveBack()
  assert.ok(memory.promise(producerKey(topicIds[0] ?? '', { kind: 'key', key: 'again' })))
  assert.equal(memory.promise(producerKey(topicIds[0] ?? '', { kind: 'key', key: 'once more' })), undefined)
})

test('a key whose request is stored in part is known for as long as a producer, until it is completed', () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock)
  const inPart = factsOf(clock, { kind: 'key', producerId: 'k', partitions: [0, 1] })
  memory.record(inPart)
  clock.advance(2 * HOUR_MS)
  assert.deepEqual(memory.find(inPart)?.request(0)?.missing, [1])
  assert.ok(memory.isCurrent(inPart))
  memory.record({ ...inPart, stored: [{ partition: 1, baseOffset: 3, lastOffset: 5, logAppendTime: -1 }] })
  assert.equal(memory.find(inPart), undefined)
})

test('a key is known for its retention from its arrival on, a producer from its newest request on', () => {
  const clock = new FakeClock()
  const memory = memoryOf(clock)
  const key = factsOf(clock, { kind: 'key', producerId: 'k' })
  const producer = factsOf(clock, {})
  memory.record(key)
  memory.record(producer)
  clock.advance(HOUR_MS - 1)
  assert.ok(memory.find(key))
  clock.advance(1)
  assert.equal(memory.find(key), undefined)
  clock.advance(22 * HOUR_MS)
  memory.record({ ...producer, sequence: 1, arrivedMs: clock.now() })
  clock.advance(23 * HOUR_MS)
  assert.equal(memory.find(producer)?.lastSequence, 1)
  memory.sweep()
  assert.equal(memory.count, 1)
  clock.advance(HOUR_MS)
  memory.sweep()
  assert.equal(memory.count, 0)
})

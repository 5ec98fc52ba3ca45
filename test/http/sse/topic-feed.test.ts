import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { createBrokerServices, defaultBrokerSettings } from '../../../src/broker/broker-services.ts'
import type { ReadCursor } from '../../../src/broker/cursor.ts'
import type { ReadRequest, ReadResult } from '../../../src/broker/engine.ts'
import { type FeedStream, TopicFeed } from '../../../src/http/sse/topic-feed.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'
import { publishTexts } from './publish-texts.ts'

const PARTITIONS = 2
const formats = { keyFormat: 'auto', valueFormat: 'auto' } as const

/** A stream whose socket a test fills and empties. */
class TestStream extends EventEmitter implements FeedStream {
  destroyed = false
  #room = Infinity
  /** Offsets by partition, in the order they came. */
  readonly offsets = Array.from({ length: PARTITIONS }, (): number[] => [])
  #taken = Promise.withResolvers<void>()

  get isFull(): boolean {
    return this.#room === 0
  }

  send(frames: Buffer): void {
    this.#room = Math.max(0, this.#room - 1)
    for (const [, partition, offset] of frames.toString().matchAll(/"partition":(\d+),"offset":(\d+)/g)) {
      this.offsets[Number(partition)]?.push(Number(offset))
    }
  }

  taken(): Promise<void> {
    return this.#taken.promise
  }

  fill(): void {
    this.#room = 0
  }

  /** Until it is full again: room for so many pieces. */
  empty(pieces: number): void {
    this.#room = pieces
    this.#taken.resolve()
    this.#taken = Promise.withResolvers()
  }
}

interface Reader {
  readonly stream: TestStream
  readonly start: ReadCursor
  left: ReadCursor | undefined
}

/** Of the large ones a feed keeps three, and one is read at a time. */
const sizes = [4, 300_000] as const

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), partition: fc.nat(1), count: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), back: fc.tuple(fc.nat(4), fc.nat(4)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill' as const), reader: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('empty' as const),
      reader: fc.nat(5),
      pieces: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
)

test('whoever follows gets every record from where it stood to where it left, once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(...sizes), async (steps, bytes) => {
      const clock = new FakeClock()
      const engine = new MemoryEngine(clock)
      const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
      const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
      await engine.create({ name: 'orders', partitionCount: PARTITIONS, configs: new Map() })
      const ends = [0, 0]
      const start = await streams.start({ topic: 'orders' })
      const feed = new TopicFeed({ streams, clock }, 'orders', formats, start, () => undefined)
      const readers: Reader[] = []
      const join = (back: readonly number[]): void => {
        const positions = ends.map((end, partition) => ({
          partition,
          offset: Math.max(0, end - (back[partition] ?? 0)),
        }))
        const reader: Reader = { stream: new TestStream(), start: { ...start, positions }, left: undefined }
        readers.push(reader)
        void feed.follow(reader.stream, reader.start).then((left) => (reader.left = left))
      }
      join([0, 0])
      const running = feed.run()
      for (const action of steps) {
        if (action.do === 'publish') {
          await publishTexts(publish, 'orders', action.partition, action.count, bytes)
          ends[action.partition] = (ends[action.partition] ?? 0) + action.count
        } else if (action.do === 'join') join(action.back)
        else if (action.do === 'fill') readers[action.reader]?.stream.fill()
        else if (action.do === 'empty') readers[action.reader]?.stream.empty(action.pieces)
        else await turns()
      }
      for (const { stream } of readers) stream.empty(Infinity)
      await turns()
      for (const { stream, start: from, left } of readers) {
        for (const { partition, offset } of from.positions) {
          const to = left?.positions[partition]?.offset ?? ends[partition] ?? 0
          const expected = Array.from({ length: Math.max(0, to - offset) }, (_, index) => offset + index)
          assert.deepEqual(stream.offsets[partition], expected)
        }
      }
      for (const { stream } of readers) stream.emit('close')
      await running
      assert.equal(engine.waiting, 0)
    }),
    { numRuns: 200 },
  )
})

test('who lags too far leaves from behind what it got', async () => {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
  const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
  await engine.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  const start = await streams.start({ topic: 'orders' })
  const feed = new TopicFeed({ streams, clock }, 'orders', formats, start, () => undefined)
  const stream = new TestStream()
  const following = feed.follow(stream, start)
  const running = feed.run()
  stream.fill()
  for (const pieces of [1, 0, 1, 0, 0, 0, 0]) {
    await publishTexts(publish, 'orders', 0, 1, 300_000)
    await turns()
    if (pieces > 0) stream.empty(pieces)
    await turns()
  }
  assert.deepEqual(stream.offsets[0], [0, 1])
  stream.empty(Infinity)
  assert.deepEqual((await following).positions, [{ partition: 0, offset: 2 }])
  await running
})

test('hundreds that come a record behind get it at once', async () => {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
  const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
  await engine.create({ name: 'orders', partitionCount: PARTITIONS, configs: new Map() })
  const before = await streams.start({ topic: 'orders' })
  await publishTexts(publish, 'orders', 0, 1, 4)
  const feed = new TopicFeed(
    { streams, clock },
    'orders',
    formats,
    await streams.start({ topic: 'orders' }),
    () => undefined,
  )
  const readers = Array.from({ length: 350 }, () => new TestStream())
  const following = readers.map((stream) => feed.follow(stream, before))
  const running = feed.run()
  for (let turn = 0; turn < 20; turn += 1) await turns()
  assert.equal(readers.filter(({ offsets }) => offsets[0]?.length === 1).length, readers.length)
  for (const stream of readers) stream.emit('close')
  await Promise.all(following)
  await running
})

test('who lags when the topic cannot be read any more leaves from behind what it got', async () => {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
  const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
  await engine.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  const start = await streams.start({ topic: 'orders' })
  const feed = new TopicFeed({ streams, clock }, 'orders', formats, start, () => undefined)
  const [quick, slow] = [new TestStream(), new TestStream()]
  const failing = assert.rejects(feed.follow(quick, start), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  const lagging = feed.follow(slow, start)
  const running = feed.run()
  slow.fill()
  await publishTexts(publish, 'orders', 0, 1, 4)
  await turns()
  await engine.delete('orders')
  clock.advance(1000)
  await turns()
  await failing
  assert.deepEqual((await lagging).positions, [{ partition: 0, offset: 0 }])
  await running
})

/** No read may wait. */
class CrowdedEngine extends MemoryEngine {
  override read(request: ReadRequest): Promise<ReadResult> {
    if (request.waitMs > 0) return Promise.reject(new BrokerError('SERVER_OVERLOADED', 'Too many reads wait.'))
    return super.read(request)
  }
}

test('where as many reads wait as may, streams go on all the same', async () => {
  const clock = new FakeClock()
  const engine = new CrowdedEngine(clock)
  const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
  const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
  await engine.create({ name: 'orders', partitionCount: 1, configs: new Map() })
  const start = await streams.start({ topic: 'orders' })
  const feed = new TopicFeed({ streams, clock }, 'orders', formats, start, () => undefined)
  const stream = new TestStream()
  const following = feed.follow(stream, start)
  const running = feed.run()
  for (const expected of [[0], [0, 1]]) {
    await publishTexts(publish, 'orders', 0, 1, 4)
    await turns()
    clock.advance(200)
    await turns()
    assert.deepEqual(stream.offsets[0], expected)
  }
  stream.emit('close')
  await following
  clock.advance(200)
  await running
})

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

test('a feed ends at once where its last reader leaves while it is brought along', { timeout: 20_000 }, async () => {
  for (let turnsBefore = 0; turnsBefore < 8; turnsBefore++) {
    const clock = new FakeClock()
    const engine = new MemoryEngine(clock)
    const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
    const { topicStreams: streams, publish } = createBrokerServices(deps, defaultBrokerSettings)
    await engine.create({ name: 'orders', partitionCount: 1, configs: new Map() })
    const behind = await streams.start({ topic: 'orders' })
    await publishTexts(publish, 'orders', 0, 3, 10)
    const end = { ...behind, positions: [{ partition: 0, offset: 3 }] }
    const feed = new TopicFeed({ streams, clock }, 'orders', formats, end, () => undefined)
    const stream = new TestStream()
    const following = feed.follow(stream, behind)
    const running = feed.run()
    for (let turn = 0; turn < turnsBefore; turn++) await Promise.resolve()
    stream.emit('close')
    await following
    await running
  }
})

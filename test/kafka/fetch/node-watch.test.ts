import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { assignOffsets } from '../../../src/codec/record-batch.ts'
import { NetworkError } from '@platformatic/kafka'
import type { ClusterTopic } from '../../../src/kafka/cluster-metadata.ts'
import { FetchMemory } from '../../../src/kafka/fetch/fetch-memory.ts'
import type { FetchRequest } from '../../../src/kafka/fetch/fetch-request.ts'
import type { FetchedPartition, FetchResponse } from '../../../src/kafka/fetch/fetch-response.ts'
import { NodeReads } from '../../../src/kafka/fetch/node-reads.ts'
import { NodeWatch } from '../../../src/kafka/fetch/node-watch.ts'
import { WaitingRead, type WaitEnd } from '../../../src/kafka/fetch/waiting-read.ts'
import { batchOf, valuesOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const topic: ClusterTopic = {
  name: 'orders',
  topicId: 'an-id',
  uuid: '00112233-4455-6677-8899-aabbccddeeff',
  internal: false,
  partitions: [],
}

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function fetched(partition: number, offset: number, values: readonly string[] = []): FetchedPartition {
  const end = { lastStableOffset: offset + values.length, logStartOffset: 0 }
  const facts = { uuid: topic.uuid, partition, errorCode: 0, aborted: [], ...end }
  if (values.length === 0) return { ...facts, records: Buffer.alloc(0) }
  const { bytes } = batchOf(values)
  assignOffsets(bytes, 0, offset, 0)
  return { ...facts, records: bytes }
}

/** A node whose answers the test gives. */
function setUp(t: { after(fn: () => void): void }) {
  const stopping = new AbortController()
  const clock = new FakeClock()
  const ask = () => {
    const asked: { request: FetchRequest; answer: PromiseWithResolvers<FetchResponse> }[] = []
    const fetch = (request: FetchRequest): Promise<FetchResponse> => {
      const answer = Promise.withResolvers<FetchResponse>()
      asked.push({ request, answer })
      return answer.promise
    }
    return { asked, fetch }
  }
  const [polls, short] = [ask(), ask()]
  const reads = new NodeReads(short.fetch, new FetchMemory(1_000_000))
  const options = { nodeId: 1, fetch: polls.fetch, reads, clock, logger: silentLogger, stopping: stopping.signal }
  const watch = new NodeWatch(options)
  t.after(() => {
    stopping.abort()
    for (const { answer } of polls.asked) answer.reject(new NetworkError('over'))
  })
  const wait = (partition: number, offset: number): WaitEnd[] => {
    const ends: WaitEnd[] = []
    const waiting = new WaitingRead((end) => ends.push(end))
    const facts = { topic: topic.name, topicId: topic.topicId, partition, batches: [], logStartOffset: 0 }
    waiting.waitAt(watch.watch(topic, partition, offset, { ...facts, highWatermark: offset }), offset)
    watch.start()
    return ends
  }
  const answerPoll = async (sessionId: number, ...partitions: readonly FetchedPartition[]): Promise<void> => {
    polls.asked.at(-1)?.answer.resolve({ errorCode: 0, sessionId, partitions })
    await settle()
  }
  const lastPoll = (): string => {
    const { request } = polls.asked.at(-1) ?? {}
    const positions = request?.positions.map(({ partition, offset }) => `${partition}@${offset}`).join()
    const forgotten = request?.forgotten.map(({ partition }) => `-${partition}`).join()
    return `${request?.sessionId}/${request?.sessionEpoch} ${positions} ${forgotten}`.trimEnd()
  }
  return { polls: polls.asked, short: short.asked, watch, clock, wait, answerPoll, lastPoll }
}

const values = (ends: readonly WaitEnd[]) =>
  ends.map((end) => (typeof end === 'string' ? end : end.map((read) => valuesOf(read))))

test('one session: what is in it is not said again, what came is asked for from behind it', async (t) => {
  const { wait, answerPoll, lastPoll, polls } = setUp(t)
  const zero = wait(0, 5)
  const one = wait(1, 7)
  await settle()
  assert.equal(polls.length, 1)
  assert.equal(lastPoll(), '0/0 0@5')
  await answerPoll(42, fetched(0, 5))
  assert.equal(lastPoll(), '42/1 1@7')
  await answerPoll(42)
  assert.equal(lastPoll(), '42/2')
  await answerPoll(42, fetched(0, 5, ['a', 'b']))
  assert.deepEqual(values(zero), [[['a', 'b']]])
  assert.equal(lastPoll(), '42/3 0@7')
  assert.deepEqual(one, [])
})

test('a partition that comes while the broker waits is asked for beside it, until the session has it', async (t) => {
  const { wait, answerPoll, lastPoll, short, clock } = setUp(t)
  wait(0, 5)
  await settle()
  const ends = wait(1, 7)
  await settle()
  assert.equal(short.length, 1)
  short[0]?.answer.resolve({ errorCode: 0, sessionId: 0, partitions: [fetched(1, 7)] })
  await settle()
  clock.advance(5)
  await settle()
  assert.equal(short.length, 2)
  short[1]?.answer.resolve({ errorCode: 0, sessionId: 0, partitions: [fetched(1, 7, ['a'])] })
  await settle()
  assert.deepEqual(values(ends), [[['a']]])
  await answerPoll(42, fetched(0, 5))
  assert.equal(lastPoll(), '42/1 1@8')
})

test('a session that is lost is begun anew, with all partitions', async (t) => {
  const { wait, answerPoll, lastPoll, polls } = setUp(t)
  const ends = wait(0, 5)
  await settle()
  await answerPoll(42, fetched(0, 5))
  assert.equal(lastPoll(), '42/1')
  polls.at(-1)?.answer.resolve({ errorCode: 70, sessionId: 0, partitions: [] })
  await settle()
  assert.equal(lastPoll(), '0/0 0@5')
  await answerPoll(43, fetched(0, 5, ['a']))
  assert.deepEqual(values(ends), [[['a']]])
})

test('a broker that keeps no session is asked for all each time', async (t) => {
  const { wait, answerPoll, lastPoll } = setUp(t)
  const ends = wait(0, 5)
  await settle()
  await answerPoll(0, fetched(0, 5))
  assert.equal(lastPoll(), '0/0 0@5')
  await answerPoll(0, fetched(0, 5, ['a']))
  assert.deepEqual(values(ends), [[['a']]])
  assert.equal(lastPoll(), '0/0 0@6')
})

test('a partition with trouble leaves the session, and its readers look for themselves', async (t) => {
  const { wait, answerPoll, lastPoll } = setUp(t)
  const zero = wait(0, 5)
  await settle()
  const one = wait(1, 7)
  await answerPoll(42, fetched(0, 5))
  await answerPoll(42, { ...fetched(0, 5), errorCode: 6 })
  assert.deepEqual([zero, one], [['again'], []])
  assert.equal(lastPoll(), '42/2  -0')
})

test('one that went and came again is not taken for forgotten, nor given what was asked for before', async (t) => {
  const { watch, wait, answerPoll, lastPoll } = setUp(t)
  wait(0, 5)
  await settle()
  await answerPoll(42, fetched(0, 5))
  watch.abandon(() => true)
  const ends = wait(0, 9)
  await answerPoll(42, fetched(0, 5, ['old']))
  assert.deepEqual(ends, [])
  assert.equal(lastPoll(), '42/2 0@9')
})

test('a broken connection sends all readers to look, and the next one begins a session', async (t) => {
  const { wait, answerPoll, lastPoll, polls } = setUp(t)
  const ends = wait(0, 5)
  await settle()
  await answerPoll(42, fetched(0, 5))
  polls.at(-1)?.answer.reject(new NetworkError('broken'))
  await settle()
  assert.deepEqual(ends, ['again'])
  wait(0, 5)
  await settle()
  assert.equal(lastPoll(), '0/0 0@5')
})

test('a node that does not answer is given up', async (t) => {
  const { wait, clock } = setUp(t)
  const ends = wait(0, 5)
  await settle()
  clock.advance(5500)
  await settle()
  assert.deepEqual(ends, ['again'])
})

test('the broker waits longer while nothing changes; without readers the watch ends', async (t) => {
  const { wait, answerPoll, polls, clock } = setUp(t)
  const ends = wait(0, 5)
  await settle()
  for (let quiet = 0; quiet < 7; quiet++) await answerPoll(42, fetched(0, 5))
  assert.deepEqual(
    polls.map(({ request }) => request.maxWaitMs),
    [20, 40, 80, 160, 320, 500, 500, 500],
  )
  await answerPoll(42, fetched(0, 5, ['a']))
  assert.equal(ends.length, 1)
  const before = polls.length
  clock.advance(4000)
  await answerPoll(42)
  assert.equal(polls.length, before + 1)
  clock.advance(2000)
  await answerPoll(42)
  await answerPoll(42)
  assert.equal(polls.length, before + 1, 'nobody is left to wait for')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetworkError } from '@platformatic/kafka'
import { FetchMemory } from '../../../src/kafka/fetch/fetch-memory.ts'
import type { FetchRequest } from '../../../src/kafka/fetch/fetch-request.ts'
import type { FetchResponse } from '../../../src/kafka/fetch/fetch-response.ts'
import { NodeReads } from '../../../src/kafka/fetch/node-reads.ts'

const uuid = '00112233-4455-6677-8899-aabbccddeeff'
const at = (offset: number) => [{ uuid, partition: 0, offset, maxBytes: 100 }]
const nothing: FetchResponse = { errorCode: 0, sessionId: 0, partitions: [] }

/** Requests that are answered when the test says so. */
function slowNode() {
  const sent: { request: FetchRequest; answer: PromiseWithResolvers<FetchResponse> }[] = []
  const fetch = (request: FetchRequest): Promise<FetchResponse> => {
    const answer = Promise.withResolvers<FetchResponse>()
    sent.push({ request, answer })
    return answer.promise
  }
  const offsets = (): (number | undefined)[] => sent.map(({ request }) => request.positions[0]?.offset)
  return { sent, fetch, offsets }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('few requests are under way at a time; equal ones that wait are sent once', async () => {
  const { sent, fetch, offsets } = slowNode()
  const reads = new NodeReads(fetch, new FetchMemory(1_000_000))
  const first = [0, 1, 2, 3].map((offset) => reads.read(at(offset), 100))
  const later = [7, 8, 7, 7].map((offset) => reads.read(at(offset), 100))
  await settle()
  assert.deepEqual(offsets(), [0, 1, 2, 3])
  for (const { answer } of sent) answer.resolve(nothing)
  await Promise.all(first)
  await settle()
  assert.deepEqual(offsets(), [0, 1, 2, 3, 7, 8])
  for (const { answer } of sent) answer.resolve(nothing)
  await Promise.all(later)
})

test('a read is never answered by a request that was sent before it', async () => {
  const { sent, fetch, offsets } = slowNode()
  const reads = new NodeReads(fetch, new FetchMemory(1_000_000))
  const both = [reads.read(at(0), 100)]
  await settle()
  both.push(reads.read(at(0), 100))
  await settle()
  assert.deepEqual(offsets(), [0, 0])
  for (const { answer } of sent) answer.resolve(nothing)
  await Promise.all(both)
})

test('a failure is told to those who asked, and the next ones are sent', async () => {
  const { sent, fetch } = slowNode()
  const reads = new NodeReads(fetch, new FetchMemory(1_000_000))
  const asked = Array.from({ length: 5 }, (_, offset) => reads.read(at(offset), 100))
  await settle()
  sent[0]?.answer.reject(new Error('broken'))
  await assert.rejects(asked[0] ?? Promise.resolve(), /broken/)
  await settle()
  for (const { answer } of sent) answer.resolve(nothing)
  await Promise.all(asked.slice(1))
  assert.equal(sent.length, 5)
})

test('behind a node that does not answer nobody waits for a turn', async () => {
  const { sent, fetch } = slowNode()
  const reads = new NodeReads(fetch, new FetchMemory(1_000_000))
  const asked = Array.from({ length: 20 }, (_, offset) => reads.read(at(offset), 100))
  const ends = Promise.allSettled(asked.slice(4))
  await settle()
  assert.equal(sent.length, 4)
  for (const { answer } of sent) answer.reject(new NetworkError('no answer'))
  assert.deepEqual([...new Set((await ends).map(({ status }) => status))], ['rejected'])
  await Promise.allSettled(asked)
  assert.equal(sent.length, 4)
  const later = reads.read(at(0), 100)
  await settle()
  sent[4]?.answer.resolve(nothing)
  await later
})

test('what brokers may send at the same time is bounded, whoever sends it', async () => {
  const { sent, fetch } = slowNode()
  const memory = new FetchMemory(250)
  const nodes = [new NodeReads(fetch, memory), new NodeReads(fetch, memory)]
  const asked = [1, 2, 3].flatMap((offset) => nodes.map((node) => node.read(at(offset), 100)))
  await settle()
  assert.equal(sent.length, 2)
  for (let answered = 0; answered < 6; answered++) {
    sent[answered]?.answer.resolve(nothing)
    await settle()
    assert.equal(sent.length, Math.min(6, answered + 3))
  }
  await Promise.all(asked)
})

test('a read of more bytes than there are goes alone', async () => {
  const { sent, fetch } = slowNode()
  const reads = new NodeReads(fetch, new FetchMemory(250))
  const asked = [reads.read(at(0), 100), reads.read(at(1), 5000), reads.read(at(2), 100)]
  await settle()
  assert.equal(sent.length, 1)
  sent[0]?.answer.resolve(nothing)
  await settle()
  assert.equal(sent.length, 2)
  sent[1]?.answer.resolve(nothing)
  await settle()
  sent[2]?.answer.resolve(nothing)
  await Promise.all(asked)
})

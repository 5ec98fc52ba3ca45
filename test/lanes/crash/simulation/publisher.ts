import type { Acks, AppendPartResult } from '../../../../src/broker/append-request.ts'
import { encodeBatch } from '../../../support/record-spans.ts'
import type { PromisedTopic } from './promised-topics.ts'
import { storedNothing } from './refusals.ts'
import { keyOf, type NewValue, type SentRequest } from './sent-requests.ts'
import type { Life } from './world.ts'

const KEYS = 5

/** Publishes without an identity, to any topic. */
export function publish(life: Life): void {
  const topic = anyTopic(life)
  if (!topic) return
  const acks = life.world.pick<Acks>(['all', 'all', 'all', 'all', '1', '0']) ?? 'all'
  void publishTo(life, topic, someRecords(life, topic), acks)
}

/** Resolves when it is answered; what was answered is in the request. */
export async function publishTo(
  { world, engine, clock }: Life,
  topic: PromisedTopic,
  records: ReadonlyMap<number, readonly NewValue[]>,
  acks: Acks,
): Promise<SentRequest> {
  const request = world.requests.add(topic.topicId, records)
  world.counts.requests++
  const timestamp = clock.now()
  const parts = Array.from(request.parts, ([partition, { values }]) => {
    return { partition, batches: [batchOf(values, timestamp)] }
  })
  const answer = engine.append({ topic: topic.name, parts, acks }).then(
    (result) => result.parts.forEach((part) => settle(world, topic, request, part, acks, timestamp)),
    (error: unknown) => refuse(world, request, [...request.parts.keys()], error),
  )
  world.track(answer.then(() => void world.counts.acknowledged++))
  await answer.catch(() => undefined)
  return request
}

/** A topic that is there at this moment. */
export function anyTopic({ world, engine }: Life): PromisedTopic | undefined {
  const summary = world.pick(engine.topics.list().filter(({ internal }) => !internal))
  return summary && world.topics.byId(summary.topicId)
}

function someRecords({ world }: Life, topic: PromisedTopic): Map<number, NewValue[]> {
  const parts = new Map<number, NewValue[]>()
  for (let count = 1 + (world.random() < 0.3 ? world.whole(3) : 0); count > 0; count--) {
    const records = Array.from({ length: 1 + world.whole(3) }, () => {
      return { key: `k${world.whole(KEYS)}`, paddingBytes: paddingBytes(world.random()) }
    })
    parts.set(world.whole(topic.partitions.length), records)
  }
  return parts
}

/** Most are small; some make a request so large that it goes past the journal. */
function paddingBytes(chance: number): number {
  if (chance < 0.8) return Math.floor(chance * 100)
  return Math.floor((chance - 0.8) * (chance < 0.95 ? 4000 : 4500))
}

function batchOf(values: readonly string[], timestamp: number) {
  const records = values.map((value) => ({ key: Buffer.from(keyOf(value)), value: Buffer.from(value), timestamp }))
  return { bytes: encodeBatch(records), recordCount: values.length, maxTimestamp: timestamp }
}

function settle(
  world: Life['world'],
  topic: PromisedTopic,
  request: SentRequest,
  { partition, baseOffset, error }: AppendPartResult,
  acks: Acks,
  timestamp: number,
): void {
  const part = request.parts.get(partition)
  if (error || !part) return refuse(world, request, [partition], error)
  const promised = topic.partitions[partition]
  if (acks === '0' || !promised) return
  if (acks === 'all') part.outcome = 'stored'
  part.values.forEach((value, index) => {
    const record = { offset: baseOffset + index, value, timestamp }
    if (acks === 'all') promised.acknowledged(record)
    else promised.written(record)
  })
}

function refuse(world: Life['world'], request: SentRequest, partitions: readonly number[], error: unknown): void {
  const outcome = storedNothing(world.lawful(error)) ? 'refused' : 'unknown'
  for (const partition of partitions) {
    const part = request.parts.get(partition)
    if (part) part.outcome = outcome
  }
}

import assert from 'node:assert/strict'
import type { Acks } from '../../../../src/broker/append-request.ts'
import { beMember, commit } from './group-clients.ts'
import { publishTo } from './publisher.ts'
import type { NewValue, SentRequest } from './sent-requests.ts'
import { create, deleteRecordsOf, remove } from './topic-maker.ts'
import { type Life, RETENTION_MS } from './world.ts'

/** What a server does that can meet a disk that fails. A start is one more. */
export type Operation = (life: Life) => Promise<unknown>

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['append', (life) => publishAll(life, 'steady', 'all', 20)],
  ['large append', (life) => publishAll(life, 'steady', 'all', 1600)],
  ['acks=1', (life) => publishAll(life, 'steady', '1', 20)],
  ['roll', (life) => rollSegments(life)],
  ['create topic', (life) => settled(life, () => create(life, 'passing-a', 2))],
  ['delete topic', (life) => settled(life, () => remove(life, 'passing-b'))],
  ['commit', (life) => settled(life, () => commit(life))],
  ['join a group', (life) => settled(life, () => beMember(life))],
  ['compact', (life) => compact(life)],
  ['retain', (life) => elapsed(life, RETENTION_MS + 2000)],
  ['delete records', (life) => settled(life, () => deleteRecordsOf(life, 'steady', 0))],
  ['snapshot', (life) => alterConfigs(life)],
  ['lay and index', (life) => layAndIndex(life)],
  ['clean stop', ({ engine }) => engine.close()],
])

/** One record to each partition of the topic, in one request for each. */
export async function publishAll(
  life: Life,
  name: string,
  acks: Acks,
  paddingBytes: number,
): Promise<readonly SentRequest[]> {
  const topic = life.world.topics.byId(life.engine.topics.find(name)?.topicId ?? '')
  assert.ok(topic, `there is no topic ${name}`)
  const requests = topic.partitions.map((_, partition) => {
    const value: NewValue = { key: `k${partition}`, paddingBytes }
    return publishTo(life, topic, new Map([[partition, [value]]]), acks)
  })
  return Promise.all(requests)
}

async function rollSegments(life: Life): Promise<void> {
  for (let times = 4; times > 0; times--) await publishAll(life, 'steady', 'all', 1000)
}

async function compact(life: Life): Promise<void> {
  for (let times = 3; times > 0; times--) await publishAll(life, 'keyed', 'all', 1000)
  await elapsed(life, 1500)
}

async function layAndIndex(life: Life): Promise<void> {
  for (let times = 6; times > 0; times--) await publishAll(life, 'steady', 'all', 200)
  await elapsed(life, 500)
}

async function alterConfigs({ engine, world }: Life): Promise<void> {
  await engine.topics.alterConfigs('timed', new Map([['retention.bytes', '1000000000']])).catch(world.lawful)
}

function elapsed({ clock }: Life, durationMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(durationMs, resolve))
}

async function settled({ world }: Life, act: () => void): Promise<void> {
  act()
  await world.settled()
}

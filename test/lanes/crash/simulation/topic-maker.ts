import { anyTopic } from './publisher.ts'
import { keepingOf, type Life, RETENTION_MS, TOPICS } from './world.ts'

const PASSING = ['passing-a', 'passing-b']
const PARTITIONS_MAX = 4

/** Makes those that are to be there always. */
export function makeTopics(life: Life): void {
  for (const name of TOPICS.keys()) if (!life.engine.topics.find(name)) create(life, name, 2)
}

/** Makes, enlarges or deletes a topic, or deletes records. */
export function changeTopics(life: Life): void {
  const { world, engine } = life
  const chance = world.random()
  if (chance < 0.4) return deleteRecords(life)
  const name = world.pick(PASSING) ?? ''
  const found = engine.topics.find(name)
  if (!found) create(life, name, 1 + world.whole(2))
  else if (chance < 0.7) enlarge(life, name, found.partitionCount + 1)
  else remove(life, name)
}

export function create({ world, engine }: Life, name: string, partitionCount: number): void {
  world.ask(engine.topics.create({ name, partitionCount, configs: configsOf(name) }), (summary) => {
    world.topics.known(summary, keepingOf(name))
    world.counts.topicsMade++
  })
}

function configsOf(name: string): Map<string, string> {
  const keeping = keepingOf(name)
  if (keeping === 'for-a-while') return new Map([['retention.ms', String(RETENTION_MS)]])
  if (keeping === 'all') return new Map([['retention.ms', '-1']])
  return new Map([
    ['cleanup.policy', 'compact'],
    ['min.cleanable.dirty.ratio', '0.01'],
  ])
}

function enlarge({ world, engine }: Life, name: string, total: number): void {
  const topic = world.topics.byId(engine.topics.find(name)?.topicId ?? '')
  if (!topic || total > PARTITIONS_MAX) return
  topic.partitionsAsked = Math.max(topic.partitionsAsked, total)
  world.ask(engine.topics.addPartitions(name, total), () => {
    const summary = engine.topics.find(name)
    if (summary?.topicId === topic.topicId) world.topics.known(summary, topic.keeping)
  })
}

export function remove({ world, engine }: Life, name: string): void {
  const topic = world.topics.byId(engine.topics.find(name)?.topicId ?? '')
  if (!topic) return
  topic.deletionAsked = true
  world.ask(engine.topics.delete(name), () => {
    topic.deleted = true
    world.counts.topicsDeleted++
  })
}

function deleteRecords(life: Life): void {
  const topic = anyTopic(life)
  if (topic && topic.keeping !== 'newest-of-key')
    deleteRecordsOf(life, topic.name, life.world.whole(topic.partitions.length))
}

export function deleteRecordsOf({ world, engine }: Life, name: string, partition: number): void {
  const promised = world.topics.byId(engine.topics.find(name)?.topicId ?? '')?.partitions[partition]
  const before = world.pick(promised?.keptOffsets ?? [])
  if (!promised || before === undefined) return
  promised.deletionAsked(before)
  world.ask(engine.topics.deleteRecords(name, partition, before), () => {
    promised.deleted(before)
    world.counts.deletions++
  })
}

import assert from 'node:assert/strict'
import { readFrom, recordsOf } from '../../../support/engine-records.ts'
import { checkOwners } from './promised-groups.ts'
import type { FoundRecord } from './promised-partition.ts'
import type { PromisedTopic } from './promised-topics.ts'
import { short } from './sent-requests.ts'
import { keepingOf, type Life, READERS, RETENTION_MS, TEAM } from './world.ts'

/** Holds a server that has just started to all that was promised before. */
export async function audit(life: Life): Promise<void> {
  const { world, engine } = life
  const summaries = engine.topics.list().filter(({ internal }) => !internal)
  world.topics.check(summaries)
  for (const summary of summaries) {
    const topic = world.topics.known(summary, keepingOf(summary.name))
    await auditTopic(life, topic)
  }
  await auditGroups(life)
}

async function auditTopic(life: Life, topic: PromisedTopic): Promise<void> {
  const { world, engine, clock } = life
  const descriptions = await engine.topics.partitions(topic.name)
  const found: FoundRecord[][] = []
  const wholeFrom: boolean[] = []
  for (const { partition, online } of descriptions) {
    assert.ok(online, `${topic.name}-${partition} is offline`)
    const { records, bounds } = await readAll(life, topic, partition)
    topic.partitions[partition]?.check(records, bounds, { nowMs: clock.now(), retentionMs: RETENTION_MS })
    found.push(records)
    wholeFrom.push(bounds.logStartOffset === 0 && topic.keeping !== 'newest-of-key')
  }
  const dirOf = (partition: number): string => descriptions[partition]?.logDir ?? ''
  checkRequests(world, topic, found, (partition) => (wholeFrom[partition] ? dirOf(partition) : undefined))
}

async function readAll({ engine }: Life, { name, topicId, keeping }: PromisedTopic, partition: number) {
  const records: FoundRecord[] = []
  const [start] = await engine.listOffsets([{ topic: name, partition, at: 'earliest' }])
  let offset = start?.offset ?? 0
  for (;;) {
    const page = await readFrom(engine, { topic: name, topicId, partition, offset })
    // Retention may have been here since.
    const { logStartOffset, highWatermark } = page
    if (page.error?.code === 'OFFSET_OUT_OF_RANGE' && offset < logStartOffset) {
      records.length = 0
      offset = logStartOffset
      continue
    }
    const next = recordsOf(page, offset)
    records.push(...next)
    offset = (next.at(-1)?.offset ?? offset - 1) + 1
    const isAtEnd = offset >= highWatermark || (next.length === 0 && keeping === 'newest-of-key')
    if (isAtEnd) return { records: records.filter((record) => record.offset >= logStartOffset), bounds: page }
    assert.ok(next.length > 0, `nothing can be read at offset ${offset} of ${name}-${partition}`)
  }
}

/** No record is there twice, nor one that was refused, nor part of a request in a log directory. */
function checkRequests(
  { requests }: Life['world'],
  { topicId, name }: PromisedTopic,
  found: readonly (readonly FoundRecord[])[],
  wholeIn: (partition: number) => string | undefined,
): void {
  const values = found.map((records) => new Set(records.map(({ value }) => value)))
  for (const [partition, records] of found.entries()) {
    assert.equal(values[partition]?.size, records.length, `a record of ${name}-${partition} is stored twice`)
    for (const { value } of records) {
      const { part } = requests.partOf(topicId, partition, value)
      assert.notEqual(part.outcome, 'refused', `${short(value)} was refused, and is there`)
    }
  }
  for (const request of requests.all()) {
    if (request.topicId !== topicId) continue
    const byDirectory = Map.groupBy(request.parts.entries(), ([partition]) => wholeIn(partition))
    for (const [directory, parts] of byDirectory) {
      if (directory === undefined) continue
      const sent = parts.flatMap(([partition, part]) => part.values.map((value) => ({ partition, value })))
      const there = sent.filter(({ partition, value }) => values[partition]?.has(value)).length
      assert.ok(
        there === 0 || there === sent.length,
        `${there} of ${sent.length} records of request ${request.id} are there`,
      )
    }
  }
}

async function auditGroups({ world, engine }: Life): Promise<void> {
  await engine.groups.load()
  for (const group of [READERS, TEAM]) {
    const isGone = (topicId: string): boolean => world.topics.byId(topicId)?.deletionAsked ?? true
    world.offsets.get(group)?.check(await engine.groups.committed(group), isGone)
  }
  const team = await engine.membership.describe(TEAM)
  checkOwners(team)
  for (const member of world.members) member.check(team)
}

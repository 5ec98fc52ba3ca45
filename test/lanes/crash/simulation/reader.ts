import assert from 'node:assert/strict'
import { recordsOf } from '../../../support/engine-records.ts'
import type { PromisedTopic } from './promised-topics.ts'
import { anyTopic } from './publisher.ts'
import type { Life } from './world.ts'

const PAGE_BYTES = 3000

/** Reads somewhere, often at the end; whatever it is given counts as promised from then on. */
export function readSome(life: Life): void {
  const { world } = life
  const topic = anyTopic(life)
  if (!topic) return
  const partition = world.whole(topic.partitions.length)
  const kept = topic.partitions[partition]?.keptOffsets ?? []
  const end = kept.reduce((most, offset) => Math.max(most, offset + 1), 0)
  const offset = world.random() < 0.5 ? end : (world.pick(kept) ?? 0)
  world.track(readPage(life, topic, partition, offset, world.random() < 0.5 ? 0 : 200))
}

async function readPage(
  { engine, world }: Life,
  topic: PromisedTopic,
  partition: number,
  offset: number,
  waitMs: number,
): Promise<void> {
  const position = { topic: topic.name, topicId: topic.topicId, partition, offset }
  const read = await engine.read({ positions: [position], maxBytes: PAGE_BYTES, waitMs }).catch((error: unknown) => {
    world.lawful(error)
  })
  const [page] = read?.partitions ?? []
  if (!page) return
  if (page.error) {
    const { logStartOffset } = page
    world.lawful(page.error)
    if (page.error.code === 'OFFSET_OUT_OF_RANGE') assert.ok(offset < logStartOffset, page.error.message)
    return
  }
  let next = offset
  for (const record of recordsOf(page, offset)) {
    if (topic.keeping !== 'newest-of-key') assert.equal(record.offset, next, `${topic.name}-${partition} skips records`)
    next = record.offset + 1
    const { part } = world.requests.partOf(topic.topicId, partition, record.value)
    assert.notEqual(part.outcome, 'refused', `${record.value} was refused, and is there`)
    topic.partitions[partition]?.seen(record)
    world.counts.recordsSeen++
  }
}

import assert from 'node:assert/strict'
import type { TopicSummary } from '../../../../src/broker/topic-store.ts'
import { type Keeping, PromisedPartition } from './promised-partition.ts'

/** One topic, from its creation to its deletion. */
export interface PromisedTopic {
  readonly name: string
  readonly topicId: string
  readonly keeping: Keeping
  readonly partitions: PromisedPartition[]
  /** Asked for; it may be gone. */
  deletionAsked: boolean
  /** Told to be gone. */
  deleted: boolean
  /** Asked for; there may be so many. */
  partitionsAsked: number
}

/** The topics as their clients know them. */
export class PromisedTopics {
  readonly #byId = new Map<string, PromisedTopic>()

  /** Somebody was told of the topic, or has found it after a start. */
  known({ name, topicId, partitionCount }: TopicSummary, keeping: Keeping): PromisedTopic {
    const known = this.#byId.get(topicId)
    const topic: PromisedTopic = known ?? {
      name,
      topicId,
      keeping,
      partitions: [],
      deletionAsked: false,
      deleted: false,
      partitionsAsked: partitionCount,
    }
    this.#byId.set(topicId, topic)
    while (topic.partitions.length < partitionCount) {
      topic.partitions.push(new PromisedPartition(`${name}-${topic.partitions.length}`, keeping))
    }
    return topic
  }

  byId(topicId: string): PromisedTopic | undefined {
    return this.#byId.get(topicId)
  }

  all(): Iterable<PromisedTopic> {
    return this.#byId.values()
  }

  powerWasCut(): void {
    for (const { partitions } of this.#byId.values()) for (const partition of partitions) partition.powerWasCut()
  }

  /** After a start: every topic that was promised is there, and none that was deleted. */
  check(found: readonly TopicSummary[]): void {
    const foundById = new Map(found.map((summary) => [summary.topicId, summary]))
    for (const topic of this.#byId.values()) {
      const summary = foundById.get(topic.topicId)
      if (summary) {
        assert.ok(!topic.deleted, `the topic ${topic.name} was deleted, and is back`)
        const { length } = topic.partitions
        const { partitionCount } = summary
        assert.ok(partitionCount >= length, `${topic.name} had ${length} partitions, and has ${partitionCount}`)
        assert.ok(partitionCount <= topic.partitionsAsked, `${topic.name} has partitions that nobody asked for`)
      } else {
        assert.ok(topic.deletionAsked, `the topic ${topic.name} is lost`)
        topic.deleted = true
      }
    }
  }
}

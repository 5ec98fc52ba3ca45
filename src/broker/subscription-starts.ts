import type { AutoOffsetReset } from './auto-offset-reset.ts'
import type { Engine } from './engine.ts'
import type { OffsetCommit } from './group-coordinator.ts'
import { committedOffsets } from './member-positions.ts'
import type { OffsetService } from './offset-service.ts'
import type { TopicSummary } from './topic-store.ts'

/**
 * Where a group begins to read topics that it has not read before: `latest` and `by_duration` are resolved once, when a
 * member subscribes, and stored as committed offsets, so that nothing published from then on is missed. A partition that
 * some member owns already has been begun with, and one that is added later begins at its log start.
 */
export class SubscriptionStarts {
  readonly #engine: Engine
  readonly #offsets: OffsetService

  constructor(engine: Engine, offsets: OffsetService) {
    this.#engine = engine
    this.#offsets = offsets
  }

  /** Durable when it resolves. */
  async store(group: string, topics: readonly TopicSummary[], reset: AutoOffsetReset): Promise<void> {
    if (reset === 'none' || reset.at === 'earliest') return
    const { at } = reset
    const committed = committedOffsets(await this.#engine.groups.committed(group))
    const owned = await this.#owned(group)
    const starts: OffsetCommit[] = []
    for (const { name, topicId, partitionCount } of topics) {
      const without = Array.from({ length: partitionCount }, (_, partition) => partition).filter(
        (partition) => committed.get(topicId)?.has(partition) !== true && !owned.has(`${topicId} ${partition}`),
      )
      if (without.length === 0) continue
      const found = await this.#offsets.starts(name, without, at)
      starts.push(...found.map(({ partition, offset }) => ({ topic: name, topicId, partition, nextOffset: offset })))
    }
    if (starts.length === 0) return
    for (const { error } of await this.#engine.groups.commit(group, starts, 'initial')) {
      // In a topic made anew meanwhile nothing was begun with.
      if (error !== undefined && error.code !== 'UNKNOWN_TOPIC_ID') throw error
    }
  }

  async #owned(group: string): Promise<ReadonlySet<string>> {
    const owned = new Set<string>()
    for (const { assignment, revoking } of (await this.#engine.membership.describe(group))?.members ?? []) {
      for (const { topicId, partitions } of [...assignment, ...revoking]) {
        for (const partition of partitions) owned.add(`${topicId} ${partition}`)
      }
    }
    return owned
  }
}

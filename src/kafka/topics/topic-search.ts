import type { ClusterClient } from '../cluster-client.ts'
import { FreshWork } from '../fresh-work.ts'
import { withinMs } from '../time-limits.ts'

/** Of a `ClusterClient`. */
export type SearchedCluster = Pick<ClusterClient, 'acceptTopic' | 'metadata' | 'refreshTopic' | 'topicAt'> & {
  readonly options: Pick<ClusterClient['options'], 'clock'>
}

/** All nodes are asked for a name no more often than this: it may be of a topic that nobody has. */
const EVERYWHERE_INTERVAL_MS = 1000
/** How long one of them is given; the others have answered by then. */
const NODE_LIMIT_MS = 500
const REMEMBERED_MAX = 1000

/**
 * Looks for topics by name. However many look for one, it is asked for once at a time; and what one node does not know, the
 * others may have heard of: a topic that was made a moment ago comes to them one after the other.
 */
export class TopicSearch {
  readonly #cluster: SearchedCluster
  readonly #searches = new Map<string, FreshWork>()
  /** When all nodes were asked for a name, in monotonic milliseconds. */
  readonly #askedEverywhereAt = new Map<string, number>()
  /** Ids of topics that were deleted here. */
  readonly #deleted = new Set<string>()

  constructor(cluster: SearchedCluster) {
    this.#cluster = cluster
  }

  /** What the cluster's metadata says of the topic is not older than this call then. Rejects where no node answers. */
  async look(topic: string): Promise<void> {
    const search = this.#searches.get(topic) ?? new FreshWork(() => this.#look(topic))
    this.#searches.set(topic, search)
    try {
      await search.run()
    } finally {
      if (search.isIdle) this.#searches.delete(topic)
    }
  }

  /** A node that has not heard of it yet does not bring the topic back. */
  deleted(topicId: string): void {
    if (this.#deleted.size >= REMEMBERED_MAX) this.#deleted.clear()
    this.#deleted.add(topicId)
  }

  async #look(topic: string): Promise<void> {
    await this.#cluster.refreshTopic(topic)
    const isKnown = this.#cluster.metadata.topics.has(topic)
    if (!isKnown && this.#mayAskEverywhere(topic)) await this.#lookEverywhere(topic)
  }

  #mayAskEverywhere(topic: string): boolean {
    if (this.#cluster.metadata.nodes.size < 2) return false
    const now = this.#cluster.options.clock.monotonic()
    if (now - (this.#askedEverywhereAt.get(topic) ?? Number.NEGATIVE_INFINITY) < EVERYWHERE_INTERVAL_MS) return false
    if (this.#askedEverywhereAt.size >= REMEMBERED_MAX) this.#askedEverywhereAt.clear()
    this.#askedEverywhereAt.set(topic, now)
    return true
  }

  /** Until one of them has it. */
  async #lookEverywhere(topic: string): Promise<void> {
    const { clock } = this.#cluster.options
    const nodes = [...this.#cluster.metadata.nodes.keys()]
    const asked = nodes.map(async (nodeId) => {
      const seen = await withinMs(this.#cluster.topicAt(nodeId, topic), NODE_LIMIT_MS, clock)
      const found = seen.topics.get(topic)
      if (found === undefined || this.#deleted.has(found.topicId)) throw new Error('it does not know it')
      this.#cluster.acceptTopic(topic, seen)
    })
    // That nobody has it, or that they do not answer, is no more than was known before.
    await Promise.any(asked).catch((error: unknown) => {
      if (!(error instanceof AggregateError)) throw error
    })
  }
}

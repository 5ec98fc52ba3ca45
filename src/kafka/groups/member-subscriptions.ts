import { crc32 } from 'node:zlib'

/** What a member's heartbeats repeat from its join. */
export interface Subscription {
  readonly topics: readonly string[]
  readonly checksum: number
}

/** Members that are remembered; those of others are asked for again. */
const REMEMBERED_MAX = 10_000

export function subscriptionTo(topics: readonly string[]): Subscription {
  const sorted = [...new Set(topics)].sort()
  return { topics: sorted, checksum: crc32(sorted.join()) }
}

/**
 * What members are subscribed to: too much for their cursors, which hold a checksum of it instead. A gateway remembers those
 * that it has seen; the coordinator knows them all.
 */
export class MemberSubscriptions {
  readonly #topics = new Map<string, readonly string[]>()

  remember(group: string, memberId: string, { topics, checksum }: Subscription): void {
    const key = keyOf(group, memberId, checksum)
    this.#topics.delete(key)
    this.#topics.set(key, topics)
    if (this.#topics.size <= REMEMBERED_MAX) return
    const [oldest] = this.#topics.keys()
    if (oldest !== undefined) this.#topics.delete(oldest)
  }

  find(group: string, memberId: string, checksum: number): Subscription | undefined {
    const topics = this.#topics.get(keyOf(group, memberId, checksum))
    return topics === undefined ? undefined : { topics, checksum }
  }
}

/** Ids hold no spaces. */
function keyOf(group: string, memberId: string, checksum: number): string {
  return `${group} ${memberId} ${checksum}`
}

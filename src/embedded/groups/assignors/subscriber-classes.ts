import type { AssignorTopic } from './assignor.ts'

/** Partitions that the same members may own. */
export interface SubscriberClass {
  readonly subscribers: Int32Array
  /** Ascending. */
  readonly partitions: Int32Array
}

/**
 * Groups topics by who is subscribed to them; in a group where all have the same subscription there is one class. Those
 * with the fewest subscribers come first: they have the least choice.
 */
export function subscriberClasses(topics: readonly AssignorTopic[]): SubscriberClass[] {
  const byHash = new Map<number, { subscribers: Int32Array; partitions: number[] }[]>()
  let partition = 0
  for (const { partitionCount, subscribers } of topics) {
    const end = partition + partitionCount
    if (subscribers.length > 0) {
      const partitions = classOf(byHash, subscribers).partitions
      for (; partition < end; partition++) partitions.push(partition)
    }
    partition = end
  }
  return [...byHash.values()]
    .flat()
    .map(({ subscribers, partitions }) => ({ subscribers, partitions: Int32Array.from(partitions) }))
    .sort((a, b) => a.subscribers.length - b.subscribers.length)
}

function classOf(
  byHash: Map<number, { subscribers: Int32Array; partitions: number[] }[]>,
  subscribers: Int32Array,
): { partitions: number[] } {
  let hash = 0x811c_9dc5
  for (const member of subscribers) hash = Math.imul(hash ^ member, 0x0100_0193)
  const candidates = byHash.get(hash) ?? []
  const known = candidates.find((candidate) => sameMembers(candidate.subscribers, subscribers))
  if (known !== undefined) return known
  const added = { subscribers, partitions: [] }
  byHash.set(hash, [...candidates, added])
  return added
}

function sameMembers(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((member, index) => member === b[index])
}

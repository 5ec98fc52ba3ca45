import type { PartitionsOfTopic } from '../../broker/group-membership.ts'

/** Partitions by topic id; each topic once, partitions ascending, topics without partitions left out. */
export function union(...sets: readonly (readonly PartitionsOfTopic[])[]): PartitionsOfTopic[] {
  const byTopic = new Map<string, Set<number>>()
  for (const { topicId, partitions } of sets.flat()) {
    const known = byTopic.get(topicId) ?? new Set<number>()
    byTopic.set(topicId, known)
    for (const partition of partitions) known.add(partition)
  }
  return listed([...byTopic].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions] })))
}

export function without(set: readonly PartitionsOfTopic[], taken: readonly PartitionsOfTopic[]): PartitionsOfTopic[] {
  const isTaken = holds(taken)
  return filtered(set, (topicId, partition) => !isTaken(topicId, partition))
}

export function common(set: readonly PartitionsOfTopic[], other: readonly PartitionsOfTopic[]): PartitionsOfTopic[] {
  return filtered(set, holds(other))
}

export function countOf(set: readonly PartitionsOfTopic[]): number {
  return set.reduce((sum, { partitions }) => sum + partitions.length, 0)
}

export function holds(set: readonly PartitionsOfTopic[]): (topicId: string, partition: number) => boolean {
  const byTopic = new Map(set.map(({ topicId, partitions }) => [topicId, new Set(partitions)]))
  return (topicId, partition) => byTopic.get(topicId)?.has(partition) === true
}

function filtered(
  set: readonly PartitionsOfTopic[],
  isKept: (topicId: string, partition: number) => boolean,
): PartitionsOfTopic[] {
  return listed(
    set.map(({ topicId, partitions }) => ({ topicId, partitions: partitions.filter((each) => isKept(topicId, each)) })),
  )
}

function listed(set: readonly PartitionsOfTopic[]): PartitionsOfTopic[] {
  return set
    .filter(({ partitions }) => partitions.length > 0)
    .map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }))
    .sort((a, b) => (a.topicId < b.topicId ? -1 : 1))
}

import { type Assignor, type AssignorTopic, NOBODY } from '../assignors/assignor.ts'
import type { Assignment } from './holdings.ts'
import { type GroupState, type Member, targetOf } from './group-state.ts'
import type { KnownTopic } from './topic-lookup.ts'

/**
 * Lets an assignor work out what each member is to own. Static members come first, by instance id, so that one that comes
 * back under another member id has its old place; then the others by member id.
 *
 * @param topics all that exist of the topics subscribed to
 */
export function makeTargets(
  { members, targets }: Pick<GroupState, 'members' | 'targets'>,
  topics: readonly KnownTopic[],
  assign: Assignor,
): Map<string, Assignment> {
  const ordered = [...members.values()].sort(byInstanceThenId)
  const partitions = new PartitionNumbers(topics)
  const subscribers = subscribersOf(ordered, topics)
  const previous = new Int32Array(partitions.count).fill(NOBODY)
  ordered.forEach(({ memberId }, member) => {
    for (const [topicId, numbers] of targetOf({ targets }, memberId)) {
      const topic = partitions.topicIndex(topicId)
      if (topic < 0 || !includes(subscribers[topic]!.subscribers, member)) continue
      for (const number of numbers) previous[partitions.first(topic) + number] = member
    }
  })
  const owners = assign({ memberCount: ordered.length, topics: subscribers, previous })
  return targetsOf(owners, ordered, topics)
}

/** Where each topic's partitions begin, for an assignor. */
class PartitionNumbers {
  readonly count: number
  readonly #indexes = new Map<string, number>()
  readonly #firsts: number[] = []

  constructor(topics: readonly KnownTopic[]) {
    let count = 0
    topics.forEach(({ topicId, partitionCount }, index) => {
      this.#indexes.set(topicId, index)
      this.#firsts.push(count)
      count += partitionCount
    })
    this.count = count
  }

  topicIndex(topicId: string): number {
    return this.#indexes.get(topicId) ?? -1
  }

  first(topicIndex: number): number {
    return this.#firsts[topicIndex] ?? 0
  }
}

function subscribersOf(members: readonly Member[], topics: readonly KnownTopic[]): AssignorTopic[] {
  const indexes = new Map(topics.map(({ name }, index) => [name, index]))
  const subscribers: number[][] = topics.map(() => [])
  members.forEach(({ metadata }, member) => {
    for (const name of metadata.topics) {
      const topic = indexes.get(name)
      if (topic !== undefined) subscribers[topic]!.push(member)
    }
  })
  return topics.map(({ partitionCount }, topic) => ({
    partitionCount,
    subscribers: Int32Array.from(subscribers[topic]!),
  }))
}

function targetsOf(
  owners: Int32Array,
  members: readonly Member[],
  topics: readonly KnownTopic[],
): Map<string, Assignment> {
  const targets = members.map(() => new Map<string, number[]>())
  let at = 0
  for (const { topicId, partitionCount } of topics) {
    for (let partition = 0; partition < partitionCount; partition++, at++) {
      const target = targets[owners[at]!]
      if (target === undefined) continue
      const partitions = target.get(topicId)
      if (partitions === undefined) target.set(topicId, [partition])
      else partitions.push(partition)
    }
  }
  return new Map(members.map(({ memberId }, member) => [memberId, targets[member]!]))
}

/** `sorted` is ascending. */
function includes(sorted: Int32Array, value: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return sorted[low] === value
}

function byInstanceThenId(a: Member, b: Member): number {
  const [left, right] = [a.metadata.instanceId, b.metadata.instanceId]
  if (left !== null && right !== null) return left < right ? -1 : 1
  if (left !== null) return -1
  if (right !== null) return 1
  return a.memberId < b.memberId ? -1 : 1
}

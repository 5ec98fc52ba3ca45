import { createHash } from 'node:crypto'
import type { Member } from './group-state.ts'
import type { KnownTopic, TopicLookup } from './topic-lookup.ts'

const HASH_BYTES = 6

/** The topics that exist of those the members are subscribed to, by name in order. */
export function subscribedTopics(members: Iterable<Member>, topics: TopicLookup): KnownTopic[] {
  const names = new Set<string>()
  for (const { metadata } of members) for (const topic of metadata.topics) names.add(topic)
  return [...names].sort().flatMap((name) => topics.byName(name) ?? [])
}

/**
 * Stands for the subscribed topics, their ids and partition counts: another number says that the targets have to be made
 * anew. Kept with the group epoch, so that what changed while the server was down is seen as well. 0 = no topics.
 */
export function hashOfTopics(topics: readonly KnownTopic[]): number {
  if (topics.length === 0) return 0
  const hash = createHash('sha256')
  for (const { name, topicId, partitionCount } of topics) hash.update(`${name} ${topicId} ${partitionCount}\n`)
  return hash.digest().readUIntBE(0, HASH_BYTES)
}

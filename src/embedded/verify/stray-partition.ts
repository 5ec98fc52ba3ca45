import type { CatalogueTopic } from '../catalogue/catalogue-state.ts'
import type { FoundPartition } from './directory-contents.ts'

/** One without an id was torn before its first durable step: it is of the topic of its name, the live one first. */
export function topicOf({ topic: name, topicId }: FoundPartition, topics: readonly CatalogueTopic[]) {
  if (topicId !== undefined) return topics.find((topic) => topic.topicId === topicId)
  const named = topics.filter((topic) => topic.name === name)
  return named.find(({ state }) => state === 'live') ?? named[0]
}

/** By the rules of a start: see removeUnfinishedTopics. */
export function strayPartition(topic: CatalogueTopic | undefined, isEmpty: boolean) {
  if (topic && (topic.state !== 'live' || isEmpty)) {
    const what = topic.state === 'live' ? 'whose addition did not come to its end' : `which is ${topic.state}`
    const problem = `a partition of ${topic.name}, ${what}`
    return { consequence: 'unfinished', problem, meaning: 'the next start removes it' } as const
  }
  const problem = topic
    ? `a partition of ${topic.name} that the catalogue places elsewhere`
    : 'a partition of a topic that the catalogue does not know'
  return { consequence: 'refused', problem, meaning: 'its records are not served; nothing of it is removed' } as const
}

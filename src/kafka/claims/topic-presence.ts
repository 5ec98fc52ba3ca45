import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { TopicStore, TopicSummary } from '../../broker/topic-store.ts'
import { pause } from '../time-limits.ts'

type Topics = Pick<TopicStore, 'find' | 'refresh'>

/** How long is waited before each look for a topic that has just gone. */
const FOUND_AGAIN_DELAYS_MS = [0, 50, 150] as const

/** Others make topics too: before one is said not to be there, it is looked for. */
export async function presentTopic(topics: Topics, name: string): Promise<TopicSummary> {
  if (topics.find(name) === undefined) await topics.refresh(name)
  const found = topics.find(name)
  if (found === undefined) throw unknownTopic(name)
  return found
}

/** A topic that was there a moment ago, and may be made again at this moment. Undefined also where nobody can be asked. */
export async function topicFoundAgain(
  topics: Topics,
  name: string,
  { clock, stopping }: { readonly clock: Clock; readonly stopping: AbortSignal },
): Promise<TopicSummary | undefined> {
  for (const delayMs of FOUND_AGAIN_DELAYS_MS) {
    await pause(delayMs, clock, stopping)
    await topics.refresh(name).catch(unlessBug)
    const found = topics.find(name)
    if (found !== undefined) return found
  }
  return undefined
}

export function unknownTopic(topic: string): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `The cluster has no topic "${topic}".`, { stored: 'no' })
}

function unlessBug(error: unknown): void {
  if (!(error instanceof BrokerError)) throw error
}

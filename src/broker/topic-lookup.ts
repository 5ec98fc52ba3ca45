import { BrokerError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import type { TopicSummary } from './topic-store.ts'

/**
 * The topic of that name, or UNKNOWN_TOPIC_OR_PARTITION.
 *
 * @param pointer where the request has the name: by default in the path
 */
export function foundTopic(engine: Engine, name: string, pointer = 'topic'): TopicSummary {
  const topic = engine.topics.find(name)
  if (topic !== undefined) return topic
  const detail = `There is no topic ${JSON.stringify(name.slice(0, 249))}. Create it with PUT /topics/{topic}; GET /topics lists those there are.`
  throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', detail, { errors: [{ pointer, detail }] })
}

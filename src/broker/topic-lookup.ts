import { BrokerError } from './broker-error.ts'
import type { Engine } from './engine.ts'
import type { TopicSummary } from './topic-store.ts'

/** What a request says of the topic that it needs. */
export interface TopicWanted {
  /** Where the request has the name: by default in the path. */
  readonly pointer?: string
  /** One that is needed too: where the topic seems not to have it, the engine is asked again as well. */
  readonly partition?: number
}

/**
 * The topic of that name, or UNKNOWN_TOPIC_OR_PARTITION. The engine is asked again before anything is said not to be there:
 * others may make topics and partitions too. Whether the topic has the partition is for the caller to say.
 */
export async function lookUpTopic(
  engine: Pick<Engine, 'topics'>,
  name: string,
  { pointer, partition = 0 }: TopicWanted = {},
): Promise<TopicSummary> {
  const known = engine.topics.find(name)
  if (known !== undefined && partition < known.partitionCount) return known
  await engine.topics.refresh(name)
  return foundTopic(engine, name, pointer)
}

/**
 * The topic of that name, or UNKNOWN_TOPIC_OR_PARTITION.
 *
 * @param pointer where the request has the name: by default in the path
 */
export function foundTopic(engine: Pick<Engine, 'topics'>, name: string, pointer = 'topic'): TopicSummary {
  const topic = engine.topics.find(name)
  if (topic !== undefined) return topic
  const detail = `There is no topic ${JSON.stringify(name.slice(0, 249))}. Create it with PUT /topics/{topic}; GET /topics lists those there are.`
  throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', detail, { errors: [{ pointer, detail }] })
}

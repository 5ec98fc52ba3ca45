import { BrokerError } from '../../broker/broker-error.ts'
import type { TopicStore, TopicSummary } from '../../broker/topic-store.ts'
import type { GroupLimits } from './group-coordinator-options.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

/** Large enough for whatever the coordinator writes in one batch, whatever the broker's `message.max.bytes` is. */
const MAX_MESSAGE_BYTES = 1_048_588

/** What the topic is created with. */
export function offsetsTopicConfigs(segmentBytes: number): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'compact',
    'compression.type': 'producer',
    'max.message.bytes': String(MAX_MESSAGE_BYTES),
    'segment.bytes': String(segmentBytes),
  }
}

/** The internal topic that holds committed offsets: found, or created when it is first needed. */
export class OffsetsTopic {
  readonly #topics: TopicStore
  readonly #limits: GroupLimits
  #creating: Promise<TopicSummary> | undefined

  constructor(topics: TopicStore, limits: GroupLimits) {
    this.#topics = topics
    this.#limits = limits
  }

  find(): TopicSummary | undefined {
    return this.#topics.find(OFFSETS_TOPIC)
  }

  async ensure(): Promise<TopicSummary> {
    const topic = this.find()
    if (topic !== undefined) return topic
    this.#creating ??= this.#create().finally(() => {
      this.#creating = undefined
    })
    return this.#creating
  }

  async #create(): Promise<TopicSummary> {
    try {
      return await this.#topics.create({
        name: OFFSETS_TOPIC,
        partitionCount: this.#limits.offsetsTopicPartitions,
        internal: true,
        configs: new Map(Object.entries(offsetsTopicConfigs(this.#limits.offsetsTopicSegmentBytes))),
      })
    } catch (error) {
      const topic = this.find()
      if (topic !== undefined && error instanceof BrokerError && error.code === 'TOPIC_ALREADY_EXISTS') return topic
      throw error
    }
  }
}

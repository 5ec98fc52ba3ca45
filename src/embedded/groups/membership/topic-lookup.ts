/** The topics there are at this moment. */
export interface TopicLookup {
  byName(topic: string): KnownTopic | undefined
  byId(topicId: string): KnownTopic | undefined
}

export interface KnownTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionCount: number
}

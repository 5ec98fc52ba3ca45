import type { KnownTopic, TopicLookup } from '../../../../src/embedded/groups/membership/topic-lookup.ts'

/** Topics that a test makes, enlarges and deletes; every one made has an id of its own. */
export class FakeTopicLookup implements TopicLookup {
  readonly #byName = new Map<string, KnownTopic>()
  #made = 0

  create(name: string, partitionCount: number): KnownTopic {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32BE(++this.#made, 12)
    const topic = { name, partitionCount, topicId: bytes.toString('base64url') }
    this.#byName.set(name, topic)
    return topic
  }

  enlarge(name: string, more: number): void {
    const topic = this.#byName.get(name)
    if (topic !== undefined) this.#byName.set(name, { ...topic, partitionCount: topic.partitionCount + more })
  }

  delete(name: string): void {
    this.#byName.delete(name)
  }

  byName(topic: string): KnownTopic | undefined {
    return this.#byName.get(topic)
  }

  byId(topicId: string): KnownTopic | undefined {
    return [...this.#byName.values()].find((topic) => topic.topicId === topicId)
  }
}

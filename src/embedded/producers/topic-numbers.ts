interface NumberedTopic {
  readonly topicId: string
  readonly number: number
  entries: number
}

/** Short numbers for topics, never used twice. */
export class TopicNumbers {
  readonly #byId = new Map<string, NumberedTopic>()
  readonly #byNumber = new Map<number, NumberedTopic>()
  #last = 0
  #entries = 0

  /** Of all topics. */
  get entryCount(): number {
    return this.#entries
  }

  numberOf(topicId: string): number | undefined {
    return this.#byId.get(topicId)?.number
  }

  /** Undefined where the topic is gone. */
  idOf(number: number): string | undefined {
    return this.#byNumber.get(number)?.topicId
  }

  /** Returns the topic's number. */
  entryAdded(topicId: string): number {
    let topic = this.#byId.get(topicId)
    if (!topic) {
      topic = { topicId, number: ++this.#last, entries: 0 }
      this.#byId.set(topicId, topic)
      this.#byNumber.set(topic.number, topic)
    }
    topic.entries++
    this.#entries++
    return topic.number
  }

  entryRemoved(number: number): void {
    this.#entries--
    const topic = this.#byNumber.get(number)
    if (topic) topic.entries--
  }

  /** True where it has entries. */
  forget(topicId: string): boolean {
    const topic = this.#byId.get(topicId)
    if (!topic) return false
    this.#byId.delete(topicId)
    this.#byNumber.delete(topic.number)
    return topic.entries > 0
  }
}

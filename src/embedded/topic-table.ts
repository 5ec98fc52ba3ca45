import { BrokerError } from '../broker/broker-error.ts'
import type { LiveTopic } from './live-topic.ts'

/** The live topics by name, and the names that creations under way have taken. */
export class TopicTable {
  readonly #topics = new Map<string, LiveTopic>()
  /** Names taken, by the form in which `.` and `_` are the same: metrics of Kafka's tools cannot tell them apart. */
  readonly #names = new Map<string, string>()
  readonly #byId = new Map<string, LiveTopic>()
  #sorted: readonly LiveTopic[] | undefined

  get(name: string): LiveTopic | undefined {
    return this.#topics.get(name)
  }

  byId(topicId: string): LiveTopic | undefined {
    return this.#byId.get(topicId)
  }

  /** Rejects a name that is taken, by TOPIC_ALREADY_EXISTS, or too like one, by INVALID_TOPIC_EXCEPTION. */
  reserve(name: string): void {
    const taken = this.#names.get(sameForMetrics(name))
    if (taken === name) {
      throw new BrokerError('TOPIC_ALREADY_EXISTS', `The topic '${name}' already exists.`, { stored: 'no' })
    }
    if (taken !== undefined) {
      throw new BrokerError(
        'INVALID_TOPIC_EXCEPTION',
        `The topic name '${name}' differs only by '.' and '_' from the existing topic '${taken}'. Choose another name.`,
        { facts: { conflictsWith: taken } },
      )
    }
    this.#names.set(sameForMetrics(name), name)
  }

  /** Gives a reserved name back. */
  release(name: string): void {
    this.#names.delete(sameForMetrics(name))
  }

  add(topic: LiveTopic): void {
    this.#names.set(sameForMetrics(topic.name), topic.name)
    this.#topics.set(topic.name, topic)
    this.#byId.set(topic.topicId, topic)
    this.#sorted = undefined
  }

  remove(topic: LiveTopic): void {
    if (this.#topics.get(topic.name) !== topic) return
    this.#topics.delete(topic.name)
    this.#byId.delete(topic.topicId)
    this.release(topic.name)
    this.#sorted = undefined
  }

  get size(): number {
    return this.#topics.size
  }

  /** By name, in code unit order. */
  sorted(): readonly LiveTopic[] {
    this.#sorted ??= [...this.#topics.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
    return this.#sorted
  }
}

function sameForMetrics(name: string): string {
  return name.replaceAll('.', '_')
}

import type { KnownProducer } from '../../broker/known-producer.ts'
import type { ProducerKey, RequestFacts } from './request-facts.ts'

/** Room that a request was promised. */
export interface PromisedRoom {
  /** For facts of a request with so many parts. False: there is none, and nothing changed. */
  extend(partCount: number): boolean
  /** May be called twice. */
  giveBack(): void
}

/** Where requests are remembered, bounded in bytes. */
export interface RequestMemory {
  /** Undefined where it is not known, or has expired. */
  find(key: ProducerKey): KnownProducer | undefined
  /** For one request, and for its producer if it is new. Undefined where there is none. */
  promise(key: ProducerKey): PromisedRoom | undefined
  /** Adds what is durable by now; in any order, and as often as it likes. */
  record(facts: RequestFacts): void
  /** As `record`, of a request that came just now: from now on it is kept, whatever the clock said when it came. */
  committed(facts: RequestFacts): void
  /** Whether these facts, if nothing else is known of their producer, have not expired. */
  isCurrent(facts: RequestFacts): boolean
  /** Fit for a producer that begins now. */
  nextBornMs(): number
  forgetTopic(topicId: string): void
}

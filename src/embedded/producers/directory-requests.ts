import type { Catalogue } from '../catalogue/catalogue.ts'
import type { FactsMemory } from './directory-facts.ts'
import type { PackedRequestMemory } from './packed-request-memory.ts'
import type { RequestFacts } from './request-facts.ts'

export interface RequestExpirations {
  /** `producer.id.expiration.ms` */
  readonly producerExpirationMs: number
  /** `idempotency.key.retention.ms` */
  readonly keyRetentionMs: number
}

/** What is remembered of requests, as one log directory keeps it. */
export class DirectoryRequests implements FactsMemory {
  readonly keptMs: number
  readonly #memory: PackedRequestMemory
  readonly #directoryId: string
  readonly #catalogue: Pick<Catalogue, 'topics'>

  constructor(
    memory: PackedRequestMemory,
    directoryId: string,
    catalogue: Pick<Catalogue, 'topics'>,
    { producerExpirationMs, keyRetentionMs }: RequestExpirations,
  ) {
    this.#memory = memory
    this.#directoryId = directoryId
    this.#catalogue = catalogue
    this.keptMs = Math.max(producerExpirationMs, keyRetentionMs)
  }

  /** Those of topics that are gone, and those that have expired since, are left out. */
  load(facts: RequestFacts): void {
    const isLive = this.#catalogue.topics.get(facts.topicId)?.state === 'live'
    if (isLive && this.#memory.isCurrent(facts)) this.#memory.record(facts)
  }

  *live(): Iterable<RequestFacts> {
    for (const facts of this.#memory.all()) {
      const partitions = this.#catalogue.topics.get(facts.topicId)?.partitions
      const stored = facts.stored.filter(({ partition }) => partitions?.[partition]?.directoryId === this.#directoryId)
      if (stored.length > 0) yield { ...facts, stored }
    }
  }
}

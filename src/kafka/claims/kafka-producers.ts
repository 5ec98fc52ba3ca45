import { BrokerError } from '../../broker/broker-error.ts'
import { refusalOf, stillUnderWay } from '../../broker/claim-errors.ts'
import { verdictOn, type Verdict } from '../../broker/claim-verdict.ts'
import { expectedSequence, type KnownProducer, type RememberedRequest } from '../../broker/known-producer.ts'
import type { ProducerDescription, Producers, PublishClaim, PublishIdentity } from '../../broker/publish-claim.ts'
import type { TopicSummary } from '../../broker/topic-store.ts'
import type { EngineContext, FetchPart } from '../engine-parts.ts'
import { stoppingError } from '../stopping-error.ts'
import { pause } from '../time-limits.ts'
import { KafkaClaim } from './kafka-claim.ts'
import { knownProducer } from './ledger-entry.ts'
import { LEDGER_PARTITIONS, LEDGER_TOPIC, RequestLedger } from './request-ledger.ts'
import { RequestStore } from './request-store.ts'

/** How long a request waits for what has to come before it. */
const CLAIM_WAIT_MS = 5000
/** How often those that wait look for what other gateways stored. */
const LOOK_INTERVAL_MS = 50
/** How long a producer is remembered that publishes nothing: Kafka's default for transactional ids. */
const PRODUCER_EXPIRATION_MS = 7 * 24 * 60 * 60 * 1000

/** A request that asks for its turn. */
interface Applicant {
  readonly topic: TopicSummary
  readonly identity: PublishIdentity
  /** Of the producer or key in this topic. */
  readonly name: string
  readonly arrivedMs: number
  readonly deadline: number
}

/** See `Producers`: one transaction a request, told of in a topic that all gateways read. */
export class KafkaProducers implements Producers {
  readonly #context: EngineContext
  readonly #ledger: RequestLedger
  readonly #store: RequestStore
  /** Producers and keys with a request of theirs under way here. */
  readonly #held = new Set<string>()
  #ledgerIsThere = false
  #isClosed = false

  constructor(context: EngineContext, fetch: Pick<FetchPart, 'read' | 'listOffsets'>) {
    this.#context = context
    this.#ledger = new RequestLedger(fetch)
    this.#store = new RequestStore(context, fetch, this.#ledger)
  }

  async claim(topic: string, identity: PublishIdentity): Promise<PublishClaim> {
    const { clock } = this.#context
    const found = this.#find(topic)
    const arrivedMs = clock.now()
    const name = nameOf(found.topicId, identity)
    const deadline = clock.monotonic() + CLAIM_WAIT_MS
    const applicant = { topic: found, identity, name, arrivedMs, deadline }
    await this.#ensureLedger()
    for (;;) {
      const claim = await this.#attempt(applicant)
      if (claim !== undefined) return claim
      await pause(LOOK_INTERVAL_MS, clock, this.#context.client.stopping)
    }
  }

  async describe(topic: string, producerId: string): Promise<ProducerDescription | undefined> {
    const { topicId } = this.#find(topic)
    const name = nameOf(topicId, { kind: 'sequence', producerId })
    await this.#ensureLedger()
    await this.#ledger.catchUp(name)
    const known = this.#known(name, 'sequence')
    return known && { epoch: known.epoch, nextSequence: expectedSequence(known) }
  }

  close(): void {
    this.#isClosed = true
  }

  /** Undefined: it has to wait. Rejects with what refuses it. */
  async #attempt(applicant: Applicant): Promise<PublishClaim | undefined> {
    const { identity, name, topic } = applicant
    this.#checkPresent(topic)
    let verdict = this.#verdict(applicant)
    if (verdict.kind === 'complete') return completeClaim(verdict.request)
    if (this.#held.has(name)) return this.#mayWait(applicant)
    if (verdict.kind === 'append') return this.#grant(applicant)
    // Another gateway may know better.
    await this.#ledger.catchUp(name)
    verdict = this.#verdict(applicant)
    if (verdict.kind === 'complete') return completeClaim(verdict.request)
    if (verdict.kind === 'append') return undefined
    const isEarly = verdict.kind === 'early' || verdict.kind === 'early-of-unknown'
    if (isEarly && this.#context.clock.monotonic() < applicant.deadline) return undefined
    throw refusalOf(topic.name, identity, verdict)
  }

  #mayWait({ deadline, topic, identity }: Applicant): undefined {
    if (this.#context.clock.monotonic() >= deadline) throw stillUnderWay(topic.name, identity)
    return undefined
  }

  async #grant(applicant: Applicant): Promise<PublishClaim | undefined> {
    const { name, topic, identity, arrivedMs } = applicant
    this.#held.add(name)
    const letGo = (): unknown => this.#held.delete(name)
    try {
      await this.#store.open(name)
      const verdict = this.#verdict(applicant)
      if (verdict.kind === 'append') {
        const { partitionCount } = topic
        return new KafkaClaim({
          partitionCount,
          arrivedMs,
          letGo,
          store: async (parts) => {
            this.#checkPresent(topic)
            return this.#store.store({ name, topic: topic.name, identity, partitionCount, arrivedMs, parts })
          },
        })
      }
    } catch (error) {
      letGo()
      throw error
    }
    letGo()
    return undefined
  }

  #verdict({ identity, name }: Applicant): Verdict {
    return verdictOn(identity, this.#known(name, identity.kind))
  }

  #known(name: string, kind: PublishIdentity['kind']): KnownProducer | undefined {
    const entry = this.#ledger.find(name)
    const lastMs = entry?.requests.at(-1)?.arrivedMs
    if (entry === undefined || lastMs === undefined) return undefined
    const { clock, limits } = this.#context
    const lifetimeMs = kind === 'key' ? limits.keyRetentionMs : PRODUCER_EXPIRATION_MS
    return clock.now() - lastMs > lifetimeMs ? undefined : knownProducer(entry)
  }

  #find(topic: string): TopicSummary {
    if (this.#isClosed) throw stoppingError()
    const found = this.#context.topics.find(topic)
    if (found === undefined) throw unknownTopic(topic)
    return found
  }

  #checkPresent({ name, topicId }: TopicSummary): void {
    if (this.#find(name).topicId !== topicId) throw unknownTopic(name)
  }

  async #ensureLedger(): Promise<void> {
    if (this.#ledgerIsThere && this.#context.topics.find(LEDGER_TOPIC) !== undefined) return
    const configs = new Map([
      ['cleanup.policy', 'compact,delete'],
      ['retention.ms', String(Math.max(PRODUCER_EXPIRATION_MS, this.#context.limits.keyRetentionMs))],
    ])
    const topic = { name: LEDGER_TOPIC, partitionCount: LEDGER_PARTITIONS, configs, internal: true }
    try {
      if (this.#context.topics.find(LEDGER_TOPIC) === undefined) await this.#context.topics.create(topic)
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'TOPIC_ALREADY_EXISTS') throw error
    }
    this.#ledgerIsThere = true
  }
}

function nameOf(topicId: string, identity: { kind: 'key'; key: string } | { kind: 'sequence'; producerId: string }) {
  return identity.kind === 'key' ? `${topicId} key ${identity.key}` : `${topicId} producer ${identity.producerId}`
}

function completeClaim({ partitionCount, arrivedMs, stored }: RememberedRequest): PublishClaim {
  const append = (): never => {
    throw new Error('a complete request has nothing to append')
  }
  return { partitionCount, arrivedMs, stored, isComplete: true, append, release: () => {} }
}

function unknownTopic(topic: string): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `The cluster has no topic "${topic}".`, { stored: 'no' })
}

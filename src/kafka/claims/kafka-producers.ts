import { AppendAdmission } from '../../broker/append-admission.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import { ClaimLapsed } from '../../broker/claim-lapsed.ts'
import { memoryFull, refusalOf, stillUnderWay } from '../../broker/claim-errors.ts'
import { verdictOn, type Verdict } from '../../broker/claim-verdict.ts'
import type { AppendPart } from '../../broker/append-request.ts'
import { expectedSequence } from '../../broker/known-producer.ts'
import type {
  ProducerDescription,
  Producers,
  PublishClaim,
  PublishIdentity,
  StoredPart,
} from '../../broker/publish-claim.ts'
import type { TopicStore, TopicSummary } from '../../broker/topic-store.ts'
import type { EngineContext, EngineLimits, FetchPart } from '../engine-parts.ts'
import { stoppingError } from '../stopping-error.ts'
import { completeClaim, KafkaClaim } from './kafka-claim.ts'
import { knownProducer, type LedgerEntry } from './ledger-entry.ts'
import type { LedgerLog } from './ledger-log.ts'
import { ensureLedger, ledgerTopics, type LedgerTopicStore } from './ledger-topics.ts'
import { RequestLedger } from './request-ledger.ts'
import { ledgerUnread } from './request-errors.ts'
import { requestName, type LedgerKind, type RequestName } from './request-name.ts'
import { RequestStore } from './request-store.ts'
import { presentTopic, topicFoundAgain, unknownTopic } from './topic-presence.ts'
import type { Transactions } from './transactions.ts'
import { Turns } from './turns.ts'

/** How long a request waits for what has to come before it, and for what is known of earlier ones. */
const CLAIM_WAIT_MS = 5000
/** How often those that wait look for what other gateways stored. */
const LOOK_INTERVAL_MS = 50
/** How long a stop waits for requests that are being stored. */
const CLOSE_WAIT_MS = 10_000
/** So old a request is not stored any more: its client has sent it again by now, or given up. */
const STALE_MS = 5 * 60_000
/** At most so often all is searched for what has expired because there is no room. */
const SWEEP_INTERVAL_MS = 1000
/** Of the memory, for entries that were used lately; of each kind. */
const RECENT_SHARE = 1 / 8

export type ProducersLimits = Pick<
  EngineLimits,
  'admissionWaitMs' | 'keyRetentionMs' | 'produceInflightBytesMax' | 'producerExpirationMs' | 'producerStateBytesMax'
>

/** Where topics are looked for, and the gateways' own are made. */
export type ClaimedTopics = LedgerTopicStore & Pick<TopicStore, 'refresh'>

export type ProducersContext = Pick<EngineContext, 'clock' | 'logger' | 'random' | 'topicConfigOf'> & {
  readonly topics: ClaimedTopics
  readonly limits: ProducersLimits
  /** Aborted when nothing is asked of the cluster any more. */
  readonly stopping: AbortSignal
  readonly transactions: Transactions
  readonly ledgerLog: (topic: string) => LedgerLog
  readonly listOffsets: FetchPart['listOffsets']
}

/** A request that asks for its turn. */
interface Applicant {
  readonly topic: TopicSummary
  readonly identity: PublishIdentity
  readonly name: RequestName
  readonly arrivedMs: number
  readonly deadline: number
}

/** See `Producers`: one transaction a request, told of in topics that all gateways read. */
export class KafkaProducers implements Producers {
  readonly #context: ProducersContext
  readonly #ledgers: Readonly<Record<LedgerKind, RequestLedger>>
  readonly #lifetimeMs: Readonly<Record<LedgerKind, number>>
  readonly #store: RequestStore
  readonly #turns: Turns
  readonly #admission: AppendAdmission
  /** Topic ids of ledgers that were looked after. */
  readonly #ensured = new Set<string>()
  #sweptAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(context: ProducersContext) {
    this.#context = context
    const { clock, limits } = context
    this.#lifetimeMs = { sequence: limits.producerExpirationMs, key: limits.keyRetentionMs }
    this.#ledgers = { sequence: this.#ledger('sequence'), key: this.#ledger('key') }
    this.#turns = new Turns(clock)
    this.#store = new RequestStore({
      ...context,
      ledgerOf: ({ kind }) => ({ topic: ledgerTopics[kind], ledger: this.#ledgers[kind] }),
      known: (name, atMs) => this.#known(name, atMs),
    })
    this.#admission = new AppendAdmission({
      maxBytes: limits.produceInflightBytesMax,
      waitMs: limits.admissionWaitMs,
      notDurableBytes: () => 0,
      clock,
    })
  }

  /** Memory for what is known of requests. */
  get stateBytes(): number {
    return this.#ledgers.sequence.sizeBytes + this.#ledgers.key.sizeBytes
  }

  /** Requests refused for want of room. */
  get refusals(): number {
    return this.#admission.refusals
  }

  async claim(topic: string, identity: PublishIdentity): Promise<PublishClaim> {
    const { clock } = this.#context
    const found = await this.#present(topic)
    const name = requestName(found.topicId, identity)
    const deadline = clock.monotonic() + CLAIM_WAIT_MS
    const applicant = { topic: found, identity, name, arrivedMs: clock.now(), deadline }
    await this.#ready(applicant)
    for (;;) {
      const claim = await this.#attempt(applicant)
      if (claim !== undefined) return claim
      await this.#turns.change(name.transactionalId, LOOK_INTERVAL_MS)
    }
  }

  async describe(topic: string, producerId: string): Promise<ProducerDescription | undefined> {
    const { topicId } = await this.#present(topic)
    const name = requestName(topicId, { kind: 'sequence', producerId })
    await this.#ensure('sequence')
    await this.#ledgers.sequence.catchUp(name, CLAIM_WAIT_MS)
    const entry = await this.#known(name, this.#context.clock.now())
    const known = entry && knownProducer(entry)
    return known && { epoch: known.epoch, nextSequence: expectedSequence(known) }
  }

  /** Refuses what comes from now on, and resolves when what is being stored is answered. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#turns.wakeAll()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#context.clock.setTimer(CLOSE_WAIT_MS, resolve)
    await Promise.race([this.#admission.settled(), promise])
    timer.cancel()
  }

  /** What is known of its name was read, once. */
  async #ready({ name, deadline }: Applicant): Promise<void> {
    await this.#ensure(name.kind)
    const ledger = this.#ledgers[name.kind]
    if (!ledger.isRead(name)) await ledger.catchUp(name, deadline - this.#context.clock.monotonic())
  }

  /** Undefined: it has to wait. Rejects with what refuses it. */
  async #attempt(applicant: Applicant): Promise<PublishClaim | undefined> {
    const { identity, name, topic, deadline } = applicant
    const { clock } = this.#context
    await this.#checkPresent(topic)
    let verdict = await this.#verdict(applicant)
    if (verdict.kind === 'complete') return completeClaim(verdict.request)
    if (this.#turns.isHeld(name.transactionalId)) {
      if (clock.monotonic() >= deadline) throw stillUnderWay(topic.name, identity)
      return undefined
    }
    const isLeft = this.#store.isLeft(name)
    if (verdict.kind === 'append' && !isLeft) return this.#grant(applicant)
    // Another gateway may know better.
    await this.#ledgers[name.kind].catchUp(name)
    verdict = await this.#verdict(applicant)
    if (verdict.kind === 'complete') return completeClaim(verdict.request)
    if (verdict.kind === 'append') return isLeft ? undefined : this.#attempt(applicant)
    const isEarly = verdict.kind === 'early' || verdict.kind === 'early-of-unknown'
    if (isEarly && clock.monotonic() < deadline) return undefined
    // What is known of it may be of a topic that was deleted and made again since.
    const present = await topicFoundAgain(this.#context.topics, topic.name, this.#context)
    checkSame(present, topic.name, topic.topicId)
    throw refusalOf(topic.name, identity, verdict)
  }

  async #grant(applicant: Applicant): Promise<PublishClaim | undefined> {
    const { name, topic, identity, arrivedMs } = applicant
    if (!this.#hasRoom(name)) throw memoryFull(topic.name, identity)
    this.#turns.hold(name.transactionalId)
    const letGo = (): void => this.#turns.letGo(name.transactionalId)
    try {
      await this.#store.open(name)
      const verdict = await this.#verdict(applicant)
      if (verdict.kind === 'append') {
        const { partitionCount } = topic
        const store = (parts: readonly AppendPart[]): Promise<readonly StoredPart[]> => this.#append(applicant, parts)
        return new KafkaClaim({ partitionCount, arrivedMs, letGo, store })
      }
    } catch (error) {
      letGo()
      throw error
    }
    letGo()
    return undefined
  }

  async #append(applicant: Applicant, parts: readonly AppendPart[]): Promise<readonly StoredPart[]> {
    const { topic, name, identity, arrivedMs } = applicant
    await this.#checkPresent(topic)
    // Who slept for so long may find expired what was stored meanwhile.
    if (this.#context.clock.now() - arrivedMs > STALE_MS) throw ledgerUnread(ledgerTopics[name.kind])
    const bytes = parts.reduce((sum, { batches }) => sum + batches.reduce((all, one) => all + one.bytes.length, 0), 0)
    await this.#admission.admit(bytes, 'all')
    try {
      const { partitionCount, topicId } = topic
      const isTimedByBroker = this.#context.topicConfigOf(topic).messageTimestampType === 'LogAppendTime'
      const facts = { partitionCount, isTimedByBroker, arrivedMs }
      return await this.#store.store({ name, topic: topic.name, topicId, identity, parts, ...facts })
    } catch (error) {
      throw await this.#afterMissing(topic, name, error)
    } finally {
      this.#admission.release(bytes)
    }
  }

  /** What to say where the cluster has told that something is missing: the topic, another of its name, or the ledger. */
  async #afterMissing({ name, topicId }: TopicSummary, { kind }: RequestName, error: unknown): Promise<unknown> {
    const isMissing = error instanceof BrokerError && error.code === 'UNKNOWN_TOPIC_OR_PARTITION'
    if (!isMissing || error.options.stored !== 'no') return error
    const present = await topicFoundAgain(this.#context.topics, name, this.#context)
    // The ledger is made again for the next.
    if (present?.topicId === topicId) return ledgerUnread(ledgerTopics[kind])
    return present === undefined ? error : new ClaimLapsed(error)
  }

  async #verdict({ identity, name, arrivedMs }: Applicant): Promise<Verdict> {
    const entry = await this.#known(name, arrivedMs)
    return verdictOn(identity, entry && knownProducer(entry))
  }

  async #known(name: RequestName, atMs: number): Promise<LedgerEntry | undefined> {
    const entry = await this.#ledgers[name.kind].find(name)
    const lastMs = entry?.requests.at(-1)?.arrivedMs ?? Number.NEGATIVE_INFINITY
    return atMs - lastMs > this.#lifetimeMs[name.kind] ? undefined : entry
  }

  /** Nothing is forgotten early: who is new finds no room then. */
  #hasRoom(name: RequestName): boolean {
    const { clock, limits } = this.#context
    const fits = (): boolean => {
      const growth = this.#ledgers[name.kind].growthBytes(name)
      return growth === 0 || this.stateBytes + growth <= limits.producerStateBytesMax
    }
    if (fits()) return true
    if (clock.monotonic() - this.#sweptAt < SWEEP_INTERVAL_MS) return false
    this.#sweptAt = clock.monotonic()
    for (const ledger of Object.values(this.#ledgers)) ledger.sweep()
    return fits()
  }

  #ledger(kind: LedgerKind): RequestLedger {
    const { ledgerLog, limits } = this.#context
    const topic = ledgerTopics[kind]
    return new RequestLedger({
      ...this.#context,
      topic,
      log: ledgerLog(topic),
      lifetimeMs: this.#lifetimeMs[kind],
      recentBytesMax: limits.producerStateBytesMax * RECENT_SHARE,
    })
  }

  /** There is a ledger, and it keeps what is promised. */
  async #ensure(kind: LedgerKind): Promise<void> {
    const { topics } = this.#context
    const known = topics.find(ledgerTopics[kind])
    if (known !== undefined && this.#ensured.has(known.topicId)) return
    await ensureLedger(topics, kind, this.#lifetimeMs[kind])
    const made = topics.find(ledgerTopics[kind])
    if (made !== undefined) this.#ensured.add(made.topicId)
  }

  async #present(topic: string): Promise<TopicSummary> {
    if (this.#isClosed) throw stoppingError()
    return presentTopic(this.#context.topics, topic)
  }

  /** What was claimed of a topic says nothing of another one of its name. */
  async #checkPresent({ name, topicId }: TopicSummary): Promise<void> {
    if (this.#isClosed) throw stoppingError()
    const { topics } = this.#context
    const known = topics.find(name)
    const present = known?.topicId === topicId ? known : await topicFoundAgain(topics, name, this.#context)
    checkSame(present, name, topicId)
  }
}

/** Another topic of that name is claimed anew. */
function checkSame(present: TopicSummary | undefined, name: string, topicId: string): void {
  if (present === undefined) throw unknownTopic(name)
  if (present.topicId !== topicId) throw new ClaimLapsed(unknownTopic(name))
}

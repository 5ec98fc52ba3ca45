import { BrokerError } from '../../broker/broker-error.ts'
import type { AppendPart, StoredRun } from '../../broker/append-request.ts'
import type { OffsetAnswer, OffsetQuery } from '../../broker/engine.ts'
import type { Clock } from '../../broker/clock.ts'
import { refusalOf } from '../../broker/claim-errors.ts'
import { ClaimLapsed } from '../../broker/claim-lapsed.ts'
import { verdictOn } from '../../broker/claim-verdict.ts'
import type { PublishIdentity, StoredPart } from '../../broker/publish-claim.ts'
import { RecordColumns } from '../../broker/record-columns.ts'
import { RecordBatchWriter } from '../../codec/record-batch-writer.ts'
import { pause } from '../time-limits.ts'
import { knownProducer, withRequest, writeLedgerEntry, type LedgerEntry } from './ledger-entry.ts'
import type { RequestLedger } from './request-ledger.ts'
import { anotherGateway, isFenced, notAllowed, storedElsewhere, topicReplaced, withStored } from './request-errors.ts'
import type { RequestName } from './request-name.ts'
import type { TransactedPart, Transactions, TransactionSession } from './transactions.ts'
import { VisibleEnds } from './visible-ends.ts'

/** As many transactional ids are kept open; another one is opened again when it is used. */
const SESSIONS_MAX = 10_000
/** How often a request is begun anew that another gateway interrupted; its client can do the same. */
const TRIES = 4
const PAUSE_MS = 20
const LEFT_MAX = 1000

export interface StorableRequest {
  readonly name: RequestName
  readonly topic: string
  readonly topicId: string
  readonly identity: PublishIdentity
  readonly partitionCount: number
  /** The topic's brokers give records their time. */
  readonly isTimedByBroker: boolean
  readonly arrivedMs: number
  readonly parts: readonly AppendPart[]
}

export interface RequestStoreOptions {
  readonly transactions: Transactions
  /** Where it is told of requests of this name: a topic, and what was read of it. */
  readonly ledgerOf: (name: RequestName) => { readonly topic: string; readonly ledger: RequestLedger }
  /** As far as it was in force at that time. */
  readonly known: (name: RequestName, atMs: number) => Promise<LedgerEntry | undefined>
  readonly listOffsets: (queries: readonly OffsetQuery[]) => Promise<readonly OffsetAnswer[]>
  readonly clock: Clock
  readonly stopping: AbortSignal
  readonly random: () => number
}

/** Stores requests, each together with what is to be known of it, in one transaction. */
export class RequestStore {
  readonly #options: RequestStoreOptions
  readonly #visible: VisibleEnds
  /** By transactional id; those used last at the end. */
  readonly #sessions = new Map<string, TransactionSession>()
  /** Transactional ids that are left to another gateway, until when in monotonic milliseconds. */
  readonly #left = new Map<string, number>()

  constructor(options: RequestStoreOptions) {
    this.#options = options
    this.#visible = new VisibleEnds(options)
  }

  /** Afterwards no other gateway can store for this name unnoticed, and what others stored before is known. */
  async open(name: RequestName): Promise<void> {
    const { transactions, ledgerOf } = this.#options
    const { ledger } = ledgerOf(name)
    if (this.#sessions.has(name.transactionalId)) {
      if (!ledger.isRead(name)) await ledger.catchUp(name)
      return
    }
    const session = await transactions.open(name.transactionalId).catch((error: unknown) => {
      throw notAllowed(error)
    })
    await ledger.catchUp(name)
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size < SESSIONS_MAX) break
      this.#sessions.delete(oldest)
    }
    this.#sessions.set(name.transactionalId, session)
  }

  /**
   * All parts, or none. Rejects with a BrokerError: `stored: no`, or `unknown` where the cluster cannot be asked; with
   * ClaimLapsed where another gateway has stored the request.
   */
  async store(request: StorableRequest): Promise<readonly StoredPart[]> {
    const { clock, stopping, random } = this.#options
    const { transactionalId } = request.name
    for (let tries = 1; ; tries++) {
      const began = clock.monotonic()
      const outcome = await this.#storeOnce(request)
      if (outcome.stored !== undefined) {
        this.#left.delete(transactionalId)
        return outcome.stored
      }
      // The other gateway gets the time that a transaction takes to end what it does: it may be this very request.
      const pauseMs = (PAUSE_MS * 2 ** tries + clock.monotonic() - began) * (0.5 + random())
      this.#leave(transactionalId, clock.monotonic() + pauseMs)
      if (tries >= TRIES || stopping.aborted) throw outcome.interrupted
      await pause(pauseMs, clock, stopping)
      const found = await this.#whenLeft(request).catch((error: unknown) => {
        throw notStored(error)
      })
      if (found !== undefined) return found
    }
  }

  /** Another gateway is at it, or was a moment ago: to open it now would only end what that one does. */
  isLeft({ transactionalId }: RequestName): boolean {
    return (this.#left.get(transactionalId) ?? 0) > this.#options.clock.monotonic()
  }

  #leave(transactionalId: string, untilMs: number): void {
    if (this.#left.size >= LEFT_MAX) this.#left.clear()
    this.#left.set(transactionalId, untilMs)
  }

  async #storeOnce(request: StorableRequest): Promise<Outcome> {
    const { name, topic } = request
    const session = this.#sessions.get(name.transactionalId)
    if (session === undefined) return { interrupted: anotherGateway(whoIs(request)) }
    // Used last, and again only if all goes well.
    this.#sessions.delete(name.transactionalId)
    let prepared: PreparedRequest
    try {
      prepared = await this.#prepare(session, request)
    } catch (error) {
      if (isFenced(error)) return { interrupted: anotherGateway(whoIs(request)) }
      throw notStored(error)
    }
    try {
      await session.end(true)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      return this.#afterLostEnd(request, prepared.stored, error)
    }
    const { ledger } = this.#options.ledgerOf(name)
    ledger.put(name, prepared.offset, prepared.entry, prepared.writtenBytes)
    this.#sessions.set(name.transactionalId, session)
    await this.#visible.wait(topic, prepared.stored)
    return { stored: prepared.stored }
  }

  async #prepare(session: TransactionSession, request: StorableRequest): Promise<PreparedRequest> {
    const { transactions, ledgerOf, known } = this.#options
    const { name, topic, topicId, identity, partitionCount, isTimedByBroker, arrivedMs, parts } = request
    const { topic: ledgerTopic } = ledgerOf(name)
    const partitions = parts.map(({ partition }) => partition)
    const before = await known(name, arrivedMs)
    try {
      await session.begin([
        { name: topic, partitions },
        { name: ledgerTopic, partitions: [name.partition] },
      ])
      const transacted = await session.produce(topic, parts)
      const stored = transacted.map((part, at) => storedPart(part, parts[at], isTimedByBroker))
      const entry = withRequest(before, identity, { partitionCount, arrivedMs, stored })
      const value = writeLedgerEntry(entry)
      const told = { partition: name.partition, batches: [recordBatch(name.text, value, arrivedMs)] }
      const [[ledgerPart], isStill] = await Promise.all([
        session.produce(ledgerTopic, [told]),
        transactions.isStill(topic, topicId, partitions),
      ])
      // Made again under its name meanwhile: the records would be another topic's, and not be known again there.
      if (!isStill) throw topicReplaced(topic)
      return { stored, entry, writtenBytes: value.length, offset: ledgerPart?.answers[0]?.baseOffset ?? -1 }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      // What is not committed is not stored: where this fails too, it is aborted when its time is up.
      await session.end(false).catch(() => {})
      throw withStored(error, 'no')
    }
  }

  /** A commit came to no answer: opened again, the transactional id has ended the transaction one way or the other. */
  async #afterLostEnd(request: StorableRequest, own: readonly StoredPart[], error: BrokerError): Promise<Outcome> {
    let found: readonly StoredPart[] | undefined
    try {
      found = await this.#becomesOf(request, own)
    } catch (later) {
      if (later instanceof ClaimLapsed) throw later
      throw later instanceof BrokerError && later.options.stored === 'unknown' ? later : withStored(error, 'unknown')
    }
    return found !== undefined ? { stored: found } : { interrupted: withStored(error, 'no') }
  }

  /** Where it is stored, if it is; undefined where its turn has come again. */
  async #becomesOf(
    request: StorableRequest,
    own: readonly StoredPart[] = [],
  ): Promise<readonly StoredPart[] | undefined> {
    await this.open(request.name)
    return this.#known(request, own)
  }

  /** The same; where the other gateway is done, it is not disturbed any more. */
  async #whenLeft(request: StorableRequest): Promise<readonly StoredPart[] | undefined> {
    await this.#options.ledgerOf(request.name).ledger.catchUp(request.name)
    return (await this.#known(request)) ?? this.#becomesOf(request)
  }

  /** @param own where this gateway put it, with an end that came to no answer */
  async #known(request: StorableRequest, own: readonly StoredPart[] = []): Promise<readonly StoredPart[] | undefined> {
    const entry = await this.#options.known(request.name, request.arrivedMs)
    const verdict = verdictOn(request.identity, entry && knownProducer(entry))
    if (verdict.kind === 'append') return undefined
    if (verdict.kind === 'complete') {
      if (isSame(own, verdict.request.stored)) return verdict.request.stored
      throw new ClaimLapsed(storedElsewhere(whoIs(request)))
    }
    throw refusalOf(request.topic, request.identity, verdict)
  }
}

type Outcome =
  | { readonly stored: readonly StoredPart[] }
  /** None of it is stored, and another try may do better. */
  | { readonly stored?: undefined; readonly interrupted: BrokerError }

interface PreparedRequest {
  readonly stored: readonly StoredPart[]
  readonly entry: LedgerEntry
  readonly writtenBytes: number
  readonly offset: number
}

/** Unless it says what is stored: then it knows of more than this try. */
function notStored(error: unknown): unknown {
  const isSilent = error instanceof BrokerError && error.options.stored === undefined
  return isSilent ? withStored(error, 'no') : error
}

/** Stored by another gateway it is elsewhere, which only a repeat is told. */
function isSame(own: readonly StoredPart[], stored: readonly StoredPart[]): boolean {
  const place = ({ partition, baseOffset }: StoredPart): string => `${partition}@${baseOffset}`
  const places = new Set(own.map(place))
  return own.length === stored.length && stored.every((part) => places.has(place(part)))
}

function whoIs({ identity }: StorableRequest): string {
  return identity.kind === 'key' ? `Idempotency-Key ${identity.key}` : `Producer-Id ${identity.producerId}`
}

/** Of a batch that it has already, a broker always tells a time: where that is none of its own, it is the last record's. */
function storedPart(
  { partition, answers }: TransactedPart,
  part: AppendPart | undefined,
  isTimedByBroker: boolean,
): StoredPart {
  const runs = answers.map(({ baseOffset, logAppendTime }, at): StoredRun => {
    const time = isTimedByBroker ? logAppendTime : -1
    return { recordCount: part?.batches[at]?.recordCount ?? 0, baseOffset, logAppendTime: time }
  })
  const [first] = runs
  const last = runs.at(-1)
  const place = {
    partition,
    baseOffset: first?.baseOffset ?? -1,
    lastOffset: (last?.baseOffset ?? -1) + (last?.recordCount ?? 0) - 1,
    logAppendTime: first?.logAppendTime ?? -1,
  }
  // Others may have stored between its batches.
  return runs.length > 1 ? { ...place, runs } : place
}

function recordBatch(name: string, value: Buffer, timestamp: number): AppendPart['batches'][number] {
  const key = Buffer.from(name)
  const columns = new RecordColumns(Buffer.concat([key, value]), 1)
  const i = columns.addRecord()
  columns.keyStart[i] = 0
  columns.keyEnd[i] = key.length
  columns.valueStart[i] = key.length
  columns.valueEnd[i] = key.length + value.length
  columns.timestamp[i] = timestamp
  const writer = new RecordBatchWriter(key.length + value.length + 128)
  writer.append(columns, i)
  return writer.seal()
}

import { BrokerError, type Stored } from '../../broker/broker-error.ts'
import type { AppendPart, StoredRun } from '../../broker/engine.ts'
import type { PublishIdentity, StoredPart } from '../../broker/publish-claim.ts'
import { RecordColumns } from '../../broker/record-columns.ts'
import { shortDigest } from '../../broker/short-digest.ts'
import { RecordBatchWriter } from '../../codec/record-batch-writer.ts'
import type { EngineContext, FetchPart } from '../engine-parts.ts'
import { pause } from '../time-limits.ts'
import { withRequest, writeLedgerEntry } from './ledger-entry.ts'
import { LEDGER_TOPIC, type RequestLedger } from './request-ledger.ts'
import { TransactionSession, type TransactedPart } from './transaction-session.ts'

/** As many transactional ids are kept open; another one is opened again when it is used. */
const SESSIONS_MAX = 10_000
/** How long an answer waits for readers to see what it tells of: a transaction's end takes a moment to reach all partitions. */
const VISIBLE_WAIT_MS = 500
const VISIBLE_STEP_MS = 2

export interface StorableRequest {
  readonly name: string
  readonly topic: string
  readonly identity: PublishIdentity
  readonly partitionCount: number
  readonly arrivedMs: number
  readonly parts: readonly AppendPart[]
}

/** Stores requests, each together with what is to be known of it, in one transaction. */
export class RequestStore {
  readonly #context: EngineContext
  readonly #fetch: Pick<FetchPart, 'listOffsets'>
  readonly #ledger: RequestLedger
  /** Those used last at the end. */
  readonly #sessions = new Map<string, TransactionSession>()

  constructor(context: EngineContext, fetch: Pick<FetchPart, 'listOffsets'>, ledger: RequestLedger) {
    this.#context = context
    this.#fetch = fetch
    this.#ledger = ledger
  }

  /** Afterwards no other gateway can store for this producer or key unnoticed, and what others stored before is known. */
  async open(name: string): Promise<void> {
    if (this.#sessions.has(name)) return
    const opening = TransactionSession.open(this.#context.client, transactionalIdOf(name))
    const session = await opening.catch(notAllowed)
    await this.#ledger.catchUp(name)
    if (this.#sessions.size >= SESSIONS_MAX) {
      for (const oldest of this.#sessions.keys()) {
        this.#sessions.delete(oldest)
        break
      }
    }
    this.#sessions.set(name, session)
  }

  /** All parts, or none. Rejects with a BrokerError: `stored: no`, or `unknown` where the cluster cannot be asked. */
  async store(request: StorableRequest): Promise<readonly StoredPart[]> {
    const session = this.#sessions.get(request.name)
    if (session === undefined) throw anotherGateway(request.name)
    // Used last, and again only if all goes well.
    this.#sessions.delete(request.name)
    const prepared = await this.#prepare(session, request)
    try {
      await session.end(true)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      return this.#whatBecameOf(request, error)
    }
    this.#ledger.put(request.name, prepared.offset, prepared.value)
    this.#sessions.set(request.name, session)
    await this.#visible(request.topic, prepared.stored)
    return prepared.stored
  }

  async #prepare(session: TransactionSession, request: StorableRequest): Promise<PreparedRequest> {
    const { name, topic, identity, partitionCount, arrivedMs, parts } = request
    const ledgerPartition = this.#ledger.partitionOf(name)
    const partitions = parts.map(({ partition }) => partition)
    try {
      await session.add(topic, partitions, LEDGER_TOPIC, ledgerPartition)
      const transacted = await Promise.all(parts.map((part) => session.produce(topic, part)))
      const stored = transacted.map((part, at) => storedPart(part, parts[at]))
      const value = writeLedgerEntry(
        withRequest(this.#ledger.find(name), identity, { partitionCount, arrivedMs, stored }),
      )
      const batches = [recordBatch(name, value, arrivedMs)]
      const { answers } = await session.produce(LEDGER_TOPIC, { partition: ledgerPartition, batches })
      return { stored, value, offset: answers[0]?.baseOffset ?? -1 }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      // What is not committed is not stored: where this fails too, it is aborted when its time is up.
      await session.end(false).catch(() => {})
      throw isFenced(error) ? anotherGateway(name) : withStored(error, 'no')
    }
  }

  /** A commit came to no answer: opened again, the transactional id has ended the transaction one way or the other. */
  async #whatBecameOf({ name, identity }: StorableRequest, error: BrokerError): Promise<readonly StoredPart[]> {
    try {
      await this.open(name)
    } catch {
      throw withStored(error, 'unknown')
    }
    const entry = this.#ledger.find(name)
    const sequence = identity.kind === 'sequence' ? identity.sequence : 0
    const epoch = identity.kind === 'sequence' ? identity.epoch : 0
    const found = entry?.epoch === epoch ? entry.requests.find((one) => one.sequence === sequence) : undefined
    if (found?.fingerprint.equals(identity.fingerprint) === true) return found.stored
    throw isFenced(error) ? anotherGateway(name) : withStored(error, 'no')
  }

  async #visible(topic: string, stored: readonly StoredPart[]): Promise<void> {
    const { clock, client } = this.#context
    const deadline = clock.monotonic() + VISIBLE_WAIT_MS
    const queries = stored.map(({ partition }) => ({ topic, partition, at: 'latest' }) as const)
    while (clock.monotonic() < deadline) {
      const ends = await this.#fetch.listOffsets(queries)
      if (ends.every(({ offset, error }, at) => error !== undefined || (offset ?? 0) > (stored[at]?.lastOffset ?? -1)))
        return
      await pause(VISIBLE_STEP_MS, clock, client.stopping)
    }
  }
}

interface PreparedRequest {
  readonly stored: readonly StoredPart[]
  readonly value: Buffer
  readonly offset: number
}

function transactionalIdOf(name: string): string {
  return `posthorn-${shortDigest(name).toString('base64url')}`
}

function storedPart({ partition, answers }: TransactedPart, part: AppendPart | undefined): StoredPart {
  const runs = answers.map(({ baseOffset, logAppendTime }, at): StoredRun => {
    return { recordCount: part?.batches[at]?.recordCount ?? 0, baseOffset, logAppendTime }
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

/** Without transactions a request could be stored twice: then rather not at all. */
function notAllowed(error: unknown): never {
  if (!(error instanceof BrokerError) || error.code !== 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED') throw error
  throw new BrokerError(
    'UNSUPPORTED_VERSION',
    `${error.message} Producer-Id and Idempotency-Key need transactions: let the gateway's user write to ` +
      `transactional ids that begin with "posthorn-", or publish without these headers.`,
    { stored: 'no', cause: error },
  )
}

function isFenced({ code }: BrokerError): boolean {
  return code === 'INVALID_PRODUCER_EPOCH' || code === 'PRODUCER_FENCED' || code === 'INVALID_TXN_STATE'
}

function anotherGateway(name: string): BrokerError {
  return new BrokerError(
    'CONCURRENT_TRANSACTIONS',
    `Another gateway stores for the same identity (${name.split(' ').slice(2).join(' ')}) now. Send the request again.`,
    { stored: 'no', retryAfterSeconds: 1 },
  )
}

function withStored(error: BrokerError, stored: Stored): BrokerError {
  return new BrokerError(error.code, error.message, { ...error.options, stored, cause: error })
}

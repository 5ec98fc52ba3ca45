import { AppendAdmission } from '../../broker/append-admission.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import type {
  Acks,
  AppendPart,
  AppendPartResult,
  AppendRequest,
  AppendResult,
  Durability,
} from '../../broker/append-request.ts'
import type { ErrorCode } from '../../broker/error-catalogue.ts'
import { maxBatchBytes } from '../../broker/record-checks.ts'
import { releaseBatch } from '../../codec/batch-buffer.ts'
import { assignOffsets } from '../../codec/record-batch.ts'
import type { TopicStore } from '../../broker/topic-store.ts'
import type { ClusterOptions } from '../cluster-options.ts'
import type { EngineContext, EngineLimits } from '../engine-parts.ts'
import type { BatchOutcome, OutboundBatch } from './outbound-batch.ts'
import { partResult } from './part-results.ts'
import { RecordSender, stopping } from './record-sender.ts'
import type { ProduceCluster } from './produce-cluster.ts'

/** How long a stop waits for records that are on their way. */
const CLOSE_WAIT_MS = 10_000
/** What a broker has less time for than its answer may take: it is to answer before the connection is given up. */
const REPLICATION_SHARE = 0.8

/** Settings are looked at for refused records no more often than this. */
const SETTINGS_INTERVAL_MS = 1000

/** What a batch on its way takes besides its bytes: many small ones, with acks=0 above all, are bounded by that. */
const BATCH_COST_BYTES = 3000

const durabilityOf: Readonly<Record<Acks, Durability>> = { all: 'replicated', '1': 'kernel', '0': 'none' }

export interface AppenderContext extends Pick<EngineContext, 'topicConfigOf' | 'clock'> {
  readonly topics: Pick<TopicStore, 'find' | 'refresh'>
  readonly limits: Pick<EngineLimits, 'produceInflightBytesMax' | 'admissionWaitMs'>
  readonly client: { readonly options: Pick<ClusterOptions, 'requestTimeoutMs' | 'deliveryTimeoutMs'> }
}

/** Stores the records of plain requests; see `Engine.append`. */
export class RecordAppender {
  readonly #context: AppenderContext
  readonly #cluster: ProduceCluster
  readonly #sender: RecordSender
  readonly #admission: AppendAdmission
  #pendingBytes = 0
  #lookedAtSettingsAt = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(context: AppenderContext, cluster: ProduceCluster) {
    this.#context = context
    this.#cluster = cluster
    const { clock, limits, client } = context
    this.#admission = new AppendAdmission({
      maxBytes: limits.produceInflightBytesMax,
      waitMs: limits.admissionWaitMs,
      notDurableBytes: () => this.#pendingBytes,
      clock,
    })
    const replicationTimeoutMs = Math.round(client.options.requestTimeoutMs * REPLICATION_SHARE)
    this.#sender = new RecordSender({ cluster, clock, replicationTimeoutMs })
  }

  get refusals(): number {
    return this.#admission.refusals
  }

  append(request: AppendRequest): Promise<AppendResult> {
    // Somebody has just seen the topic: the node that was asked last may lag behind.
    return this.#isSeen(request) ? this.#append(request) : this.#lookAgain(request)
  }

  async #lookAgain(request: AppendRequest): Promise<AppendResult> {
    await this.#context.topics.refresh(request.topic).catch((error: unknown) => {
      if (!(error instanceof BrokerError)) throw error
      throw new BrokerError(error.code, error.message, { ...error.options, stored: 'no', cause: error })
    })
    return this.#append(request)
  }

  #append(request: AppendRequest): Promise<AppendResult> {
    try {
      this.#check(request)
      const bytes = request.parts.reduce((sum, part) => sum + bytesOf(part), 0)
      const wait = this.#admission.admit(bytes, request.acks)
      return wait === undefined ? this.#admitted(request, bytes) : wait.then(() => this.#admitted(request, bytes))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#context.clock.setTimer(CLOSE_WAIT_MS, resolve)
    await Promise.race([this.#admission.settled(), promise])
    timer.cancel()
    this.#sender.giveUp()
  }

  /** By the settings as we knew them the records were fit: the next ones are to be told by those there are. */
  #lookAtSettings(topic: string): void {
    const now = this.#context.clock.monotonic()
    if (now - this.#lookedAtSettingsAt < SETTINGS_INTERVAL_MS) return
    this.#lookedAtSettingsAt = now
    this.#context.topics.refresh(topic).catch(() => {})
  }

  #isSeen({ topic, parts }: AppendRequest): boolean {
    return parts.every(({ partition }) => this.#cluster.leaderOf({ topic, partition }) !== 'gone')
  }

  #check({ topic, parts }: AppendRequest): void {
    if (this.#isClosed) throw stopping()
    for (const { partition } of parts) {
      if (this.#cluster.leaderOf({ topic, partition }) === 'gone') throw unknownPartition(topic, partition)
    }
    if (!this.#cluster.isReachable) throw unreachable()
  }

  async #admitted({ topic, parts, acks }: AppendRequest, bytes: number): Promise<AppendResult> {
    this.#pendingBytes += bytes
    const results = Promise.all(parts.map((part) => this.#push(topic, part, acks)))
    const done = results.finally(() => {
      this.#pendingBytes -= bytes
    })
    try {
      if (acks === '0') return { durability: 'none', parts: parts.map(unvouched) }
      return { durability: durabilityOf[acks], parts: await done }
    } finally {
      this.#admission.release(bytes)
    }
  }

  async #push(topic: string, part: AppendPart, acks: Acks): Promise<AppendPartResult> {
    const { clock, client, topics, topicConfigOf } = this.#context
    const found = topics.find(topic)
    const config = found && topicConfigOf(found)
    const shared = {
      acks,
      maxBatchBytes: config === undefined ? 0 : maxBatchBytes(config),
      deadline: clock.monotonic() + client.options.deliveryTimeoutMs,
    }
    const outcomes: Promise<BatchOutcome>[] = []
    const batches = part.batches.map(({ bytes, recordCount }): OutboundBatch => {
      const { promise, resolve } = Promise.withResolvers<BatchOutcome>()
      outcomes.push(promise)
      // One that was read from a log still has its place there, with which brokers refuse it.
      assignOffsets(bytes, 0, 0, -1)
      return { ...shared, bytes, recordCount, settle: resolve }
    })
    this.#sender.push(topic, part.partition, batches)
    const settled = await Promise.all(outcomes)
    for (const { bytes } of batches) releaseBatch(bytes)
    if (settled.some(isUnfit)) this.#lookAtSettings(topic)
    const isTimedByBroker = config?.messageTimestampType === 'LogAppendTime'
    return partResult(part, isTimedByBroker ? settled : settled.map(withoutTime))
  }
}

/** Of a batch that it has already, a broker always tells a time: where that is none of its own, it is the last record's. */
function withoutTime(outcome: BatchOutcome): BatchOutcome {
  return outcome.kind === 'stored' ? { ...outcome, logAppendTime: -1 } : outcome
}

const unfit: ReadonlySet<ErrorCode> = new Set([
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
])

function isUnfit(outcome: BatchOutcome): boolean {
  return outcome.kind === 'failed' && unfit.has(outcome.failure.code)
}

function bytesOf({ batches }: AppendPart): number {
  return batches.reduce((sum, { bytes }) => sum + bytes.length + BATCH_COST_BYTES, 0)
}

function unvouched({ partition }: AppendPart): AppendPartResult {
  return { partition, baseOffset: -1, logAppendTime: -1 }
}

function unknownPartition(topic: string, partition: number): BrokerError {
  return new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `The cluster has no partition ${partition} of the topic "${topic}".`,
    { stored: 'no' },
  )
}

function unreachable(): BrokerError {
  return new BrokerError('BROKER_NOT_AVAILABLE', 'No node of the cluster answers. Send the request again.', {
    stored: 'no',
    retryAfterSeconds: 1,
  })
}

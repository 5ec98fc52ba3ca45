import assert from 'node:assert/strict'
import { BrokerError, type Stored } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
import type { AppendPartResult, AppendRequest, AppendResult, Durability } from '../broker/append-request.ts'
import { AppendAdmission } from '../broker/append-admission.ts'
import type { AppendFacts } from './commit/append-facts.ts'
import type { DirectoryHost } from './directory-host.ts'
import type { LiveTopic } from './live-topic.ts'
import type { LogAppend } from './commit/log-append.ts'
import { offlinePartition, partitionSlot, unknownTopic } from './served-partition.ts'
import type { TopicTable } from './topic-table.ts'

const durabilityOf = { all: 'fsync', '1': 'kernel', '0': 'none' } as const satisfies Record<string, Durability>

/** The parts of one request that go to one directory, with their places in the request. */
interface Share {
  readonly host: DirectoryHost
  readonly parts: LogAppend[]
  readonly places: number[]
}

export interface AppendLimits {
  readonly produceInflightBytesMax: number
  readonly admissionWaitMs: number
}

/** Sends the parts of a publish request to the logs of their directories, and bounds what is under way. */
export class AppendRouter {
  readonly #table: TopicTable
  readonly #admission: AppendAdmission

  constructor(table: TopicTable, hosts: readonly DirectoryHost[], limits: AppendLimits, clock: Clock) {
    this.#table = table
    this.#admission = new AppendAdmission({
      maxBytes: limits.produceInflightBytesMax,
      waitMs: limits.admissionWaitMs,
      notDurableBytes: () => hosts.reduce((sum, { log }) => sum + log.statistics().durableLagBytes, 0),
      clock,
    })
  }

  /** Appends that found no room. */
  get refusals(): number {
    return this.#admission.refusals
  }

  /** See `Engine.append`. */
  append(request: AppendRequest): Promise<AppendResult> {
    return this.#append(this.#table.get(request.topic), request)
  }

  /** As `append`, to the topic with this id or not at all; each directory writes the facts with its parts. */
  appendKnown(topicId: string, request: AppendRequest, facts: AppendFacts): Promise<AppendResult> {
    return this.#append(this.#table.byId(topicId), request, facts)
  }

  async #append(topic: LiveTopic | undefined, request: AppendRequest, facts?: AppendFacts): Promise<AppendResult> {
    if (!topic) throw unknownTopic(request.topic)
    const bytes = batchBytes(request)
    const room = this.#admission.admit(bytes, request.acks)
    if (room !== undefined) await room
    try {
      const share = onlyShare(topic, request)
      if (!share) return await this.#appendShares(topic, request, facts)
      const parts = await share.host.log.append(share.parts, request.acks, facts)
      return { durability: durabilityOf[request.acks], parts }
    } finally {
      this.#admission.release(bytes)
    }
  }

  /** Resolves when no append is under way. */
  settled(): Promise<void> {
    return this.#admission.settled()
  }

  /** Several directories, or one that is offline: each share is atomic in itself, and fails alone. */
  async #appendShares(topic: LiveTopic, request: AppendRequest, facts?: AppendFacts): Promise<AppendResult> {
    const results: (AppendPartResult | undefined)[] = request.parts.map(() => undefined)
    const shares = shareOut(topic, request, results)
    await Promise.all(
      shares.map(async ({ host, parts, places }) => {
        try {
          const appended = await host.log.append(parts, request.acks, facts)
          for (const [index, place] of places.entries()) results[place] = appended[index]
        } catch (error) {
          if (!(error instanceof BrokerError)) throw error
          for (const place of places) results[place] = failed(partitionAt(request, place), error)
        }
      }),
    )
    const parts = results.filter((result) => result !== undefined)
    assert.equal(parts.length, request.parts.length, 'the logs answered fewer parts than they were given')
    rejectIfAllFailed(parts)
    return { durability: durabilityOf[request.acks], parts }
  }
}

function batchBytes({ parts }: AppendRequest): number {
  let bytes = 0
  for (const { batches } of parts) for (const batch of batches) bytes += batch.bytes.length
  return bytes
}

/** The rule: all parts go to one directory. Undefined where they do not, or a directory is offline. */
function onlyShare(
  topic: LiveTopic,
  request: AppendRequest,
): { readonly host: DirectoryHost; readonly parts: readonly LogAppend[] } | undefined {
  const parts: LogAppend[] = []
  let host: DirectoryHost | undefined
  for (const { partition, batches } of request.parts) {
    const slot = partitionSlot(topic, partition)
    if (!slot.host || (host && slot.host !== host)) return undefined
    host = slot.host
    parts.push({ log: slot.log, batches })
  }
  return host && { host, parts }
}

/** Parts on directories that are offline get their error at once. */
function shareOut(
  topic: LiveTopic,
  request: AppendRequest,
  results: (AppendPartResult | undefined)[],
): readonly Share[] {
  const shares = new Map<DirectoryHost, Share>()
  for (const [place, { partition, batches }] of request.parts.entries()) {
    const slot = partitionSlot(topic, partition)
    if (!slot.host) {
      results[place] = failed(partition, offlinePartition(topic.name, partition, slot.reason))
      continue
    }
    let share = shares.get(slot.host)
    if (!share) shares.set(slot.host, (share = { host: slot.host, parts: [], places: [] }))
    share.parts.push({ log: slot.log, batches })
    share.places.push(place)
  }
  return [...shares.values()]
}

function partitionAt(request: AppendRequest, place: number): number {
  return request.parts[place]?.partition ?? -1
}

function failed(partition: number, error: BrokerError): AppendPartResult {
  return { partition, baseOffset: -1, logAppendTime: -1, error }
}

/** A request of which nothing was acknowledged rejects with its worst part's error: `unknown` before `no`. */
function rejectIfAllFailed(parts: readonly AppendPartResult[]): void {
  const errors = parts.flatMap(({ error }) => (error ? [error] : []))
  if (errors.length < parts.length) return
  const severity = (error: BrokerError): Stored => error.options.stored ?? 'unknown'
  const worst = errors.find((error) => severity(error) !== 'no') ?? errors[0]
  if (worst) throw worst
}

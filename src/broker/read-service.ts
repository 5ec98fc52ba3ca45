import { BATCH_HEADER_BYTES, batchSizeBytes, lastOffset, recordCount } from '../codec/record-batch.ts'
import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { ReadCursor } from './cursor.ts'
import type { Engine, PartitionRead, ReadPosition } from './engine.ts'
import type { OffsetService, ResolvedPosition } from './offset-service.ts'
import { type PageLimits, type PageReader, type PageSink } from './page-reader.ts'
import { refuseOtherThanCursor } from './cursor-parameters.ts'
import { chosenPartitions, unknownPartition } from './partition-selection.ts'
import { parsePosition, parseTime } from './time-expression.ts'
import { lookUpTopic } from './topic-lookup.ts'
import type { TopicPage } from './topic-page.ts'
import type { TopicPages } from './topic-pages.ts'
import type { TopicSummary } from './topic-store.ts'

/** Where to start: at most one of `cursor`, `from` and `last`; without any, at the log start. */
export interface BrowseStart {
  readonly topic: string
  readonly cursor?: string | undefined
  /** `earliest`, `latest` or a time. */
  readonly from?: string | undefined
  /** The newest so many of each partition. */
  readonly last?: number | undefined
  /** A time; not together with a cursor, which holds it. */
  readonly until?: string | undefined
  /** Such as `0-63,70`. */
  readonly partitions?: string | undefined
}

export interface BrowseRequest extends BrowseStart {
  readonly limits: PageLimits
}

export interface PartitionReadRequest {
  readonly topic: string
  readonly partition: number
  /** Default: the log start. */
  readonly offset?: number | undefined
  readonly limits: PageLimits
}

/** A page of one partition, without its records: those went to the sink. */
export interface PartitionPage {
  readonly nextOffset: number
  readonly upToDate: boolean
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** A page of one partition as its log has it. */
export interface BatchesPage extends PartitionPage {
  /** Whole batches, one behind the other, verified; the first may begin before the offset asked for. Not to be written to. */
  readonly batches: readonly Buffer[]
  /** See `PartitionRead.release`. */
  readonly release?: (() => void) | undefined
}

export interface BatchesReadRequest extends Omit<PartitionReadRequest, 'limits'> {
  readonly limits: Pick<PageLimits, 'maxBytes' | 'waitMs'>
}

export interface ReadServiceDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly pages: PageReader
  readonly topicPages: TopicPages
  readonly offsets: OffsetService
}

/** Reads without any state on the server. */
export class ReadService {
  readonly #deps: ReadServiceDependencies

  constructor(deps: ReadServiceDependencies) {
    this.#deps = deps
  }

  /** @param whole one partition's error is the page's, also where others can be read: see TopicPages.readWhole */
  async browse(request: BrowseRequest, sink: PageSink, signal?: AbortSignal, whole = false): Promise<TopicPage> {
    const { topic, cursor: start } = await this.start(request)
    const { topicPages } = this.#deps
    return whole
      ? topicPages.readWhole(topic, start, request.limits, sink, signal)
      : topicPages.read(topic, start, request.limits, sink, signal)
  }

  /** Where the request says to begin. @param pointer where it has its cursor */
  async start(request: BrowseStart, pointer?: string): Promise<{ topic: TopicSummary; cursor: ReadCursor }> {
    refuseSeveralStarts(request)
    const topic = await lookUpTopic(this.#deps.engine, request.topic)
    const begins = request.cursor === undefined
    return { topic, cursor: await (begins ? this.#begin(topic, request) : this.#resume(topic, request, pointer)) }
  }

  /** An offset out of range is 410 or 416 with the two bounds; a damaged range tells the next readable offset. */
  async readPartition(request: PartitionReadRequest, sink: PageSink, signal?: AbortSignal): Promise<PartitionPage> {
    const position = await this.#position(request)
    const [page] = await this.#deps.pages.read([position], request.limits, sink, signal)
    if (page === undefined) throw new Error('the page has no entry for the position asked for')
    const { nextOffset, highWatermark, logStartOffset, error } = page
    if (error !== undefined && !page.hasRecords) throw withBounds(error, page)
    return { nextOffset, upToDate: error === undefined && nextOffset >= highWatermark, highWatermark, logStartOffset }
  }

  /**
   * The same, of the batches as they are stored. One is given whatever its size. What an engine shows in the place of what
   * nobody may see is left out: `nextOffset` is behind it, and the rest can be published again.
   */
  async readBatches(request: BatchesReadRequest, signal?: AbortSignal): Promise<BatchesPage> {
    const position = await this.#position(request)
    const asked = { positions: [position], ...request.limits, ...(signal && { signal }) }
    const [read] = (await this.#deps.engine.read(asked)).partitions
    if (read === undefined) throw new Error('the read has no entry for the position asked for')
    const { batches, release, highWatermark, logStartOffset, error } = read
    if (error !== undefined && batches.length === 0) throw withBounds(error, read)
    const last = batches.at(-1)
    const nextOffset = last === undefined ? position.offset : nextOffsetOf(last)
    const upToDate = error === undefined && nextOffset >= highWatermark
    const shown = batches.some(isPlaceholder) ? batches.filter((batch) => !isPlaceholder(batch)) : batches
    return { batches: shown, release, nextOffset, upToDate, highWatermark, logStartOffset }
  }

  /**
   * Gives the record at an offset to the sink; RECORD_NOT_FOUND where the log goes on without it.
   * @returns the topic's id
   */
  async readRecord(topic: string, partition: number, offset: number, sink: PageSink): Promise<string> {
    const { topicId } = await lookUpTopic(this.#deps.engine, topic, { partition })
    let found = false
    let foundOffset = -1
    const limits = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
    const request = { topic, partition, offset, limits }
    const page = await this.readPartition(request, {
      records(name, number, columns) {
        foundOffset = columns.offset[0] ?? -1
        found = foundOffset === offset
        if (found) sink.records(name, number, columns)
      },
    })
    if (found) return topicId
    throw recordNotFound(request, foundOffset < 0 ? page.nextOffset : foundOffset, page)
  }

  async #begin(topic: TopicSummary, request: BrowseStart): Promise<ReadCursor> {
    const now = this.#deps.clock.now()
    const partitions = chosenPartitions(topic, request.partitions)
    this.#deps.topicPages.checkCoverage(topic, partitions.length)
    const until = request.until === undefined ? undefined : parseTime(request.until, now, 'until')
    const positions = await this.#starts(topic, partitions, request, now)
    return {
      kind: 'browse',
      topicId: topic.topicId,
      group: '',
      allPartitions: request.partitions === undefined,
      turn: 0,
      positions,
      ...(until === undefined ? {} : { until }),
    }
  }

  #starts(
    topic: TopicSummary,
    partitions: readonly number[],
    request: BrowseStart,
    now: number,
  ): Promise<readonly ResolvedPosition[]> {
    if (request.last !== undefined) return this.#deps.offsets.newest(topic.name, partitions, request.last, 0)
    const at = parsePosition(request.from ?? 'earliest', now, 'from')
    return this.#deps.offsets.starts(topic.name, partitions, at, 0)
  }

  async #resume(topic: TopicSummary, request: BrowseStart, pointer?: string): Promise<ReadCursor> {
    const cursor = await this.#deps.topicPages.resume(request.cursor ?? '', 'browse', topic, '', pointer)
    refuseOtherThanCursor(cursor, topic, request, this.#deps.clock.now())
    return cursor
  }

  async #position(request: Omit<PartitionReadRequest, 'limits'>): Promise<ReadPosition> {
    const { partition } = request
    const topic = await lookUpTopic(this.#deps.engine, request.topic, { partition })
    const { name, topicId, partitionCount } = topic
    if (partition >= partitionCount) throw unknownPartition(name, partition, partitionCount)
    const offset = request.offset ?? (await this.#logStart(name, partition))
    return { topic: name, topicId, partition, offset }
  }

  async #logStart(topic: string, partition: number): Promise<number> {
    const [start] = await this.#deps.offsets.starts(topic, [partition], 'earliest')
    return start?.offset ?? 0
  }
}

/** A single batch of which there is only the header. */
function isPlaceholder(batches: Buffer): boolean {
  return batches.length === BATCH_HEADER_BYTES && recordCount(batches, 0) === 0
}

/** Behind the last of the batches that the buffer holds. */
function nextOffsetOf(batches: Buffer): number {
  let at = 0
  for (let size = batchSizeBytes(batches, 0); at + size < batches.length; size = batchSizeBytes(batches, at)) at += size
  return lastOffset(batches, at) + 1
}

/** A read's error, with what is known of the partition. */
function withBounds(
  error: BrokerError,
  { highWatermark, logStartOffset, nextReadableOffset }: KnownBounds,
): BrokerError {
  const bounds = {
    ...(highWatermark >= 0 && { logStartOffset, highWatermark }),
    ...(nextReadableOffset !== undefined && { nextReadableOffset }),
  }
  return new BrokerError(error.code, error.message, {
    ...error.options,
    cause: error,
    facts: { ...bounds, ...error.options.facts },
  })
}

type KnownBounds = Pick<PartitionRead, 'highWatermark' | 'logStartOffset' | 'nextReadableOffset'>

function refuseSeveralStarts(request: BrowseStart): void {
  const given = (['cursor', 'from', 'last'] as const).filter((name) => request[name] !== undefined)
  if (given.length < 2) return
  const detail = `Only one of "cursor", "from" and "last" can say where to start; given were ${given.join(' and ')}.`
  throw new BrokerError('INVALID_REQUEST', detail, {
    errors: given.map((name) => ({ pointer: `?${name}`, detail })),
  })
}

function recordNotFound(request: PartitionReadRequest, nextOffset: number, page: PartitionPage): BrokerError {
  const { topic, partition, offset } = request
  const { logStartOffset, highWatermark } = page
  const place = `${topic}-${partition}`
  const detail =
    nextOffset >= highWatermark
      ? `There is no record at offset ${offset} of ${place} yet: the next one will get offset ${highWatermark}.`
      : `There is no record at offset ${offset} of ${place}: the next record is at offset ${nextOffset}.`
  return new BrokerError('RECORD_NOT_FOUND', detail, { facts: { nextOffset, logStartOffset, highWatermark } })
}

import assert from 'node:assert/strict'
import { BrokerError } from './broker-error.ts'
import { MAX_CURSOR_PARTITIONS, type CursorCodec, type ReadCursor } from './cursor.ts'
import { invalidCursor } from './cursor-bytes.ts'
import type { Engine } from './engine.ts'
import { isRepairable, type PageLimits, type PageProgress, type PageReader, type PageSink } from './page-reader.ts'
import { unknownPartition } from './partition-selection.ts'
import type { PartitionPosition, PartitionReadError, StreamPage, TopicPage } from './topic-page.ts'
import type { TopicSummary } from './topic-store.ts'

/** Reads pages over the partitions of one topic, from cursor to cursor; for browsing and for groups without members. */
export class TopicPages {
  readonly #engine: Engine
  readonly #pages: PageReader
  readonly #cursors: CursorCodec

  readonly #partitionsMax: number

  /** @param partitionsMax `page.max.partitions`: at most as many as a cursor can hold */
  constructor(engine: Engine, pages: PageReader, cursors: CursorCodec, partitionsMax: number) {
    assert(partitionsMax <= MAX_CURSOR_PARTITIONS, 'a cursor holds the positions of a page')
    this.#partitionsMax = partitionsMax
    this.#engine = engine
    this.#pages = pages
    this.#cursors = cursors
  }

  /** Rejects a read of more partitions than one page may cover. */
  checkCoverage(topic: TopicSummary, partitionCount: number): void {
    const max = this.#partitionsMax
    if (partitionCount <= max) return
    const detail =
      `The read covers ${partitionCount} partitions of "${topic.name}"; at most ${max} can be read at once ` +
      `(page.max.partitions): choose some, such as partitions=0-${max - 1}.`
    throw new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer: '?partitions', detail }] })
  }

  /**
   * The positions that a cursor holds, checked against the topic as it is now. Partitions added since are read from
   * their log start if the cursor covers the whole topic.
   */
  async resume(
    text: string,
    kind: ReadCursor['kind'],
    topic: TopicSummary,
    group = '',
    pointer?: string,
  ): Promise<ReadCursor> {
    const cursor = this.#cursors.decodeRead(text, kind, pointer)
    if (cursor.group !== group) throw invalidCursor(`it belongs to another consumer group than "${group}"`)
    if (cursor.topicId !== topic.topicId) {
      throw new BrokerError(
        'UNKNOWN_TOPIC_ID',
        `The cursor is not of this topic "${topic.name}" (${topic.topicId}) but of the topic with the id ${cursor.topicId}: ` +
          'the topic was deleted and created again, or the cursor is another topic’s. Start again without a cursor.',
      )
    }
    const last = cursor.positions.at(-1)?.partition ?? -1
    if (last >= topic.partitionCount) throw unknownPartition(topic.name, last, topic.partitionCount, '?cursor')
    return await this.grown(cursor, topic)
  }

  /** With partitions that the topic got since, where the cursor covers the whole topic: from their log start. */
  async grown(cursor: ReadCursor, topic: TopicSummary): Promise<ReadCursor> {
    if (!cursor.allPartitions || cursor.positions.length >= topic.partitionCount) return cursor
    return { ...cursor, positions: [...cursor.positions, ...(await this.#added(topic, cursor.positions.length))] }
  }

  /**
   * One page. Where no record can be read and some partition has an error that only accepting a gap ends, or every
   * partition has an error, rejects with that error, whose `cursor` has the positions repaired.
   */
  async read(
    topic: TopicSummary,
    start: ReadCursor,
    limits: PageLimits,
    sink: PageSink,
    signal?: AbortSignal,
  ): Promise<TopicPage> {
    const page = await this.#read(topic, start, limits, sink, signal)
    const failed = page.filter((progress) => progress.error !== undefined)
    if (failed.length > 0) this.#rejectIfNothingElse(start, page, failed)
    return { ...this.#pageOf(start, page), ...(failed.length > 0 && { partitionErrors: failed.map(errorOf) }) }
  }

  /**
   * One page, for replies that have no place for a partition's error: rejects with the first one that is not behind
   * records of its own partition on this page, which the next page will meet. What went to the sink is then void: the
   * error's `cursor` has only the positions repaired, and no other has moved.
   */
  async readWhole(
    topic: TopicSummary,
    start: ReadCursor,
    limits: PageLimits,
    sink: PageSink,
    signal?: AbortSignal,
  ): Promise<TopicPage> {
    const page = await this.#read(topic, start, limits, sink, signal)
    const failed = page.filter((progress) => progress.error !== undefined && !progress.hasRecords)
    const worst = failed.find(isRepairable) ?? failed[0]
    if (worst !== undefined) throw this.#failure(worst, start, page, failed, repairedOrUnmoved)
    return this.#pageOf(start, page)
  }

  /** One page with whatever became of each partition, for streams: a gap is accepted, and told. */
  async readOn(
    topic: TopicSummary,
    start: ReadCursor,
    limits: PageLimits,
    sink: PageSink,
    signal?: AbortSignal,
  ): Promise<StreamPage> {
    const page = await this.#read(topic, start, limits, sink, signal)
    const failed = page.filter((progress) => progress.error !== undefined && !isRepairable(progress))
    const gaps = page.filter(isRepairable).map((progress) => ({
      topic: progress.topic,
      partition: progress.partition,
      fromOffset: progress.nextOffset,
      toOffset: repairedOffset(progress),
    }))
    const [first] = failed
    return {
      cursor: advanced(start, page, repairedOffset),
      upToDate: page.every(isUpToDate),
      gaps,
      ...(first !== undefined && { error: this.#failure(first, start, page, failed, repairedOffset) }),
    }
  }

  async #read(
    topic: TopicSummary,
    start: ReadCursor,
    limits: PageLimits,
    sink: PageSink,
    signal: AbortSignal | undefined,
  ): Promise<readonly PageProgress[]> {
    this.checkCoverage(topic, start.positions.length)
    const positions = inTurn(start).map(({ partition, offset }) => ({
      topic: topic.name,
      topicId: topic.topicId,
      partition,
      offset,
    }))
    return this.#pages.read(positions, { ...limits, until: start.until }, sink, signal)
  }

  #pageOf(start: ReadCursor, page: readonly PageProgress[]): TopicPage {
    const moved = page.filter((progress) => progress.nextOffset !== progress.fromOffset)
    return {
      cursor: this.#cursors.encodeRead(advanced(start, page, (progress) => progress.nextOffset)),
      upToDate: page.every(isUpToDate),
      partitions: moved.map(positionOf),
    }
  }

  #rejectIfNothingElse(start: ReadCursor, page: readonly PageProgress[], failed: readonly PageProgress[]): void {
    if (page.some((progress) => progress.hasRecords)) return
    const repairable = failed.find(isRepairable)
    const worst = repairable ?? (failed.length === page.length ? failed[0] : undefined)
    if (worst !== undefined) throw this.#failure(worst, start, page, failed, repairedOffset)
  }

  #failure(
    { error }: PageProgress,
    start: ReadCursor,
    page: readonly PageProgress[],
    failed: readonly PageProgress[],
    offsetOf: (progress: PageProgress) => number,
  ): BrokerError {
    if (error === undefined) throw new Error('this partition did not fail')
    return new BrokerError(error.code, error.message, {
      ...error.options,
      cause: error,
      facts: {
        ...error.options.facts,
        partitionErrors: failed.map(errorOf),
        cursor: this.#cursors.encodeRead(advanced(start, page, offsetOf)),
      },
    })
  }

  async #added(topic: TopicSummary, from: number): Promise<{ partition: number; offset: number }[]> {
    const added = Array.from({ length: topic.partitionCount - from }, (_, index) => from + index)
    const answers = await this.#engine.listOffsets(
      added.map((partition) => ({ topic: topic.name, partition, at: 'earliest' })),
    )
    return answers.map((answer) => ({ partition: answer.partition, offset: answer.offset ?? 0 }))
  }
}

/** The positions, beginning with the partition whose turn it is. */
function inTurn(start: ReadCursor): readonly { partition: number; offset: number }[] {
  const first = start.positions.findIndex(({ partition }) => partition >= start.turn)
  return first <= 0 ? start.positions : [...start.positions.slice(first), ...start.positions.slice(0, first)]
}

/** The cursor behind a page. The turn goes to the partition behind the last one that gave records, so none starves. */
function advanced(
  start: ReadCursor,
  page: readonly PageProgress[],
  offsetOf: (progress: PageProgress) => number,
): ReadCursor {
  const offsets = new Map(page.map((progress) => [progress.partition, offsetOf(progress)]))
  const last = page.findLast((progress) => progress.hasRecords)
  return {
    ...start,
    turn: last === undefined ? start.turn : last.partition + 1,
    positions: start.positions.map(({ partition, offset }) => ({
      partition,
      offset: offsets.get(partition) ?? offset,
    })),
  }
}

export function isUpToDate(progress: PageProgress): boolean {
  return progress.error === undefined && (progress.ended || progress.nextOffset >= progress.highWatermark)
}

/** The nearest offset that can be read: of a partition without an error, where the page came to. */
export function repairedOffset(progress: PageProgress): number {
  if (!isRepairable(progress)) return progress.nextOffset
  if (progress.nextReadableOffset !== undefined) return progress.nextReadableOffset
  return progress.nextOffset < progress.logStartOffset ? progress.logStartOffset : Math.max(0, progress.highWatermark)
}

/** For a page that is not sent: what it read of other partitions is to be read again. */
function repairedOrUnmoved(progress: PageProgress): number {
  return isRepairable(progress) && !progress.hasRecords ? repairedOffset(progress) : progress.fromOffset
}

export function positionOf(progress: PageProgress): PartitionPosition {
  const { topic, partition, nextOffset, highWatermark, logStartOffset } = progress
  return { topic, partition, nextOffset, highWatermark, logStartOffset }
}

export function errorOf(progress: PageProgress): PartitionReadError {
  return {
    topic: progress.topic,
    partition: progress.partition,
    code: progress.error?.code ?? 'UNKNOWN_SERVER_ERROR',
    offset: progress.nextOffset,
    nextReadableOffset: progress.nextReadableOffset ?? null,
    logStartOffset: progress.logStartOffset,
    highWatermark: progress.highWatermark,
  }
}

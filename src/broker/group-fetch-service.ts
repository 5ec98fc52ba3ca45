import { type AutoOffsetReset, DEFAULT_AUTO_OFFSET_RESET, parseAutoOffsetReset } from './auto-offset-reset.ts'
import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { CursorCodec, ReadCursor } from './cursor.ts'
import type { Engine } from './engine.ts'
import { checkGroupId } from './group-id.ts'
import { partitionEnds } from './group-lag.ts'
import type { OffsetService } from './offset-service.ts'
import type { PageLimits, PageSink } from './page-reader.ts'
import { refuseOtherThanCursor } from './cursor-parameters.ts'
import { chosenPartitions } from './partition-selection.ts'
import { lookUpTopic } from './topic-lookup.ts'
import type { OffsetGap, TopicPage } from './topic-page.ts'
import type { TopicPages } from './topic-pages.ts'
import type { TopicSummary } from './topic-store.ts'

export interface GroupFetchRequest {
  readonly group: string
  readonly topic: string
  /** Without one, the read starts at the committed offsets. */
  readonly cursor?: string | undefined
  /** `earliest` (default), `latest`, `none` or `by_duration:…`; counts for this fetch. */
  readonly autoOffsetReset?: string | undefined
  /** Such as `0-63,70`. */
  readonly partitions?: string | undefined
  readonly limits: PageLimits
}

/** A page for a group, without its records: those went to the sink. */
export interface GroupPage extends TopicPage {
  /** Positions that could not be read and were moved as `autoOffsetReset` says. */
  readonly gaps: readonly OffsetGap[]
}

export interface GroupFetchDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly cursors: CursorCodec
  readonly topicPages: TopicPages
  readonly offsets: OffsetService
}

/**
 * Reads for a group without members. Nothing moves on the server until a commit, so any fetch can be repeated; two
 * readers of one group both get every record.
 */
export class GroupFetchService {
  readonly #deps: GroupFetchDependencies

  constructor(deps: GroupFetchDependencies) {
    this.#deps = deps
  }

  async fetch(request: GroupFetchRequest, sink: PageSink, signal?: AbortSignal): Promise<GroupPage> {
    checkGroupId(request.group)
    const { engine, clock } = this.#deps
    const topic = await lookUpTopic(engine, request.topic)
    const reset = parseAutoOffsetReset(request.autoOffsetReset ?? DEFAULT_AUTO_OFFSET_RESET, clock.now())
    const start = await this.#start(topic, request, reset)
    try {
      const page = await this.#deps.topicPages.read(topic, start, request.limits, sink, signal)
      return await this.#withResets(topic, page, reset)
    } catch (error) {
      if (reset === 'none' || !(error instanceof BrokerError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
      const repaired = await this.#repair(topic, start, reset)
      if (repaired.gaps.length === 0) throw error
      const page = await this.#deps.topicPages.read(topic, repaired.cursor, request.limits, sink, signal)
      return { ...page, gaps: repaired.gaps }
    }
  }

  async #start(topic: TopicSummary, request: GroupFetchRequest, reset: AutoOffsetReset): Promise<ReadCursor> {
    if (request.cursor === undefined) return this.#begin(topic, request, reset)
    const cursor = await this.#deps.topicPages.resume(request.cursor, 'group', topic, request.group)
    refuseOtherThanCursor(cursor, topic, request, this.#deps.clock.now())
    return cursor
  }

  async #begin(topic: TopicSummary, request: GroupFetchRequest, reset: AutoOffsetReset): Promise<ReadCursor> {
    const { group } = request
    const partitions = chosenPartitions(topic, request.partitions)
    this.#deps.topicPages.checkCoverage(topic, partitions.length)
    const offsets = new Map<number, number>()
    for (const committed of await this.#deps.engine.groups.committed(group)) {
      if (committed.topicId === topic.topicId) offsets.set(committed.partition, committed.nextOffset)
    }
    const without = partitions.filter((partition) => !offsets.has(partition))
    if (without.length > 0) {
      if (reset === 'none') throw nothingCommitted(group, topic.name, without)
      const starts = await this.#deps.offsets.starts(topic.name, without, reset.at, 0)
      for (const { partition, offset } of starts) offsets.set(partition, offset)
    }
    return {
      kind: 'group',
      topicId: topic.topicId,
      group,
      allPartitions: request.partitions === undefined,
      turn: 0,
      positions: partitions.map((partition) => ({ partition, offset: offsets.get(partition) ?? 0 })),
    }
  }

  /** A page whose other partitions gave records: the positions out of range are moved for the next one. */
  async #withResets(topic: TopicSummary, page: TopicPage, reset: AutoOffsetReset): Promise<GroupPage> {
    const { partitionErrors = [], ...rest } = page
    if (reset === 'none' || !partitionErrors.some(({ code }) => code === 'OFFSET_OUT_OF_RANGE')) {
      return { ...page, gaps: [] }
    }
    const behind = this.#deps.cursors.decodeRead(page.cursor, 'group')
    const { cursor, gaps } = await this.#repair(topic, behind, reset)
    const moved = new Set(gaps.map(({ partition }) => partition))
    const left = partitionErrors.filter(({ partition }) => !moved.has(partition))
    return {
      ...rest,
      cursor: this.#deps.cursors.encodeRead(cursor),
      gaps,
      ...(left.length > 0 && { partitionErrors: left }),
    }
  }

  /** Moves positions that lie before the log start or beyond the end. */
  async #repair(
    topic: TopicSummary,
    cursor: ReadCursor,
    reset: Exclude<AutoOffsetReset, 'none'>,
  ): Promise<{ cursor: ReadCursor; gaps: OffsetGap[] }> {
    const { engine, offsets } = this.#deps
    const ends = await partitionEnds(
      engine,
      cursor.positions.map(({ partition }) => ({ topic: topic.name, partition })),
    )
    const lost = cursor.positions.filter(({ offset }, index) => {
      const { logStartOffset, endOffset } = ends[index] ?? { logStartOffset: null, endOffset: null }
      return offset < (logStartOffset ?? 0) || offset > (endOffset ?? Infinity)
    })
    const targets = new Map<number, number>()
    const partitions = lost.map(({ partition }) => partition)
    if (lost.length > 0) {
      const starts = await offsets.starts(topic.name, partitions, reset.at, 0)
      for (const { partition, offset } of starts) targets.set(partition, offset)
    }
    return {
      cursor: {
        ...cursor,
        positions: cursor.positions.map(({ partition, offset }) => ({
          partition,
          offset: targets.get(partition) ?? offset,
        })),
      },
      gaps: lost.map(({ partition, offset }) => ({
        topic: topic.name,
        partition,
        fromOffset: offset,
        toOffset: targets.get(partition) ?? offset,
      })),
    }
  }
}

function nothingCommitted(group: string, topic: string, partitions: readonly number[]): BrokerError {
  const shown = partitions.slice(0, 10).join(', ') + (partitions.length > 10 ? ', …' : '')
  return new BrokerError(
    'NO_OFFSET_FOR_PARTITION',
    `The group "${group}" has committed nothing for partitions ${shown} of "${topic}", and autoOffsetReset=none: ` +
      `commit where to start (PUT /consumer-groups/${group}/offsets), or ask with autoOffsetReset=earliest or latest.`,
    { facts: { partitions } },
  )
}

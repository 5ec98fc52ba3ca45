import { BrokerError } from './broker-error.ts'
import type { CursorCodec, ReadCursor } from './cursor.ts'
import { invalidCursor } from './cursor-bytes.ts'
import type { CursorTrail } from './cursor-trail.ts'
import type { Engine } from './engine.ts'
import type { PageSink } from './page-reader.ts'
import type { ReadService } from './read-service.ts'
import { lookUpTopic } from './topic-lookup.ts'
import type { StreamPage } from './topic-page.ts'
import type { TopicPages } from './topic-pages.ts'

/** Where to start: `lastEventId`, else one of `cursor`, `from` and `last`; without any, at the end. */
export interface TopicStreamRequest {
  readonly topic: string
  /** The cursor that the client got last; it stands before all else. */
  readonly lastEventId?: string | undefined
  readonly cursor?: string | undefined
  /** `earliest`, `latest` or a time. */
  readonly from?: string | undefined
  /** The newest so many of each partition. */
  readonly last?: number | undefined
  /** Such as `0-63,70`. */
  readonly partitions?: string | undefined
}

export interface StreamReadLimits {
  readonly maxRecords: number
  /** Bytes of records, without compression; one record is given whatever its size. */
  readonly maxBytes: number
  /** Milliseconds to wait for the first record. */
  readonly waitMs: number
}

export interface TopicStreamDependencies {
  readonly engine: Engine
  readonly cursors: CursorCodec
  readonly reads: ReadService
  readonly topicPages: TopicPages
}

/** Reads a topic on and on, from position to position, without any state of its own. */
export class TopicStreamService {
  readonly #deps: TopicStreamDependencies

  constructor(deps: TopicStreamDependencies) {
    this.#deps = deps
  }

  async start(request: TopicStreamRequest): Promise<ReadCursor> {
    const { topic, lastEventId, partitions } = request
    const { cursor } =
      lastEventId === undefined
        ? await this.#deps.reads.start(withDefaultStart(request))
        : await this.#deps.reads.start({ topic, cursor: lastEventId, partitions }, LAST_EVENT_ID)
    if (cursor.until !== undefined) {
      throw invalidCursor('it ends at a time (until), and a stream has no end', '?cursor')
    }
    return cursor
  }

  /**
   * Goes on with partitions that the topic has got since, too. Rejects where the topic is not the same any more.
   *
   * @param sinkFrom told where the page begins
   */
  async read(
    name: string,
    from: ReadCursor,
    limits: StreamReadLimits,
    sinkFrom: (start: ReadCursor) => PageSink,
    signal?: AbortSignal,
  ): Promise<StreamPage> {
    const topic = await lookUpTopic(this.#deps.engine, name)
    if (topic.topicId !== from.topicId) throw createdAgain(name)
    const start = await this.#deps.topicPages.grown(from, topic)
    return await this.#deps.topicPages.readOn(topic, start, limits, sinkFrom(start), signal)
  }

  cursorText(cursor: ReadCursor): string {
    return this.#deps.cursors.encodeRead(cursor)
  }

  trail(cursor: ReadCursor): CursorTrail {
    return this.#deps.cursors.trail(cursor)
  }
}

/** Where a request has it. */
const LAST_EVENT_ID = 'Last-Event-ID'

function withDefaultStart({ topic, cursor, from, last, partitions }: TopicStreamRequest) {
  const atEnd = cursor === undefined && from === undefined && last === undefined
  return { topic, cursor, from: atEnd ? 'latest' : from, last, partitions }
}

function createdAgain(name: string): BrokerError {
  return new BrokerError(
    'UNKNOWN_TOPIC_ID',
    `The topic "${name}" was deleted and created again: start again without a cursor.`,
  )
}

import type { ReadCursor } from '../../broker/cursor.ts'
import type { StreamPage } from '../../broker/topic-page.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { openingFrame } from './event-frames.ts'
import type { EventStream } from './event-stream.ts'
import { readFrames } from './read-frames.ts'
import { ReadingTurns } from './reading-turns.ts'
import { type FeedDependencies, TopicFeed } from './topic-feed.ts'

/** While all replies together hold as much as they may, a stream looks again after this time. */
const FULL_SERVER_WAIT_MS = 200

/** The streams of topics: each reads alone until it is at the end of its topic, and follows a feed there. */
export class TopicStreams {
  readonly #deps: FeedDependencies
  readonly #feeds = new Map<string, TopicFeed>()
  readonly #turns = new ReadingTurns()

  constructor(deps: FeedDependencies) {
    this.#deps = deps
  }

  /** Topics and formats that somebody follows now. */
  get feedCount(): number {
    return this.#feeds.size
  }

  /** Serves a stream until it is closed; rejects where its topic cannot be read any more. */
  async serve(stream: EventStream, topic: string, start: ReadCursor, formats: RecordFormats): Promise<void> {
    const { clock, streams } = this.#deps
    stream.send(openingFrame(streams.cursorText(start)))
    let stand = start
    for (;;) {
      await stream.taken()
      if (stream.destroyed) return
      if (stream.isServerFull) {
        await new Promise<void>((resolve) => clock.setTimer(FULL_SERVER_WAIT_MS, resolve))
        continue
      }
      const page = await this.#turns.run(() => this.#piece(stream, topic, stand, formats))
      if (page === undefined) continue
      stand = page.cursor
      if (page.error !== undefined) throw page.error
      if (page.upToDate && !stream.isFull) stand = await this.#follow(stream, topic, stand, formats)
    }
  }

  /** Undefined where there is no room any more, or nobody to send to, since the turn was asked for. */
  async #piece(
    stream: EventStream,
    topic: string,
    stand: ReadCursor,
    formats: RecordFormats,
  ): Promise<StreamPage | undefined> {
    if (stream.destroyed || stream.isServerFull) return undefined
    const { page, frames } = await readFrames(this.#deps.streams, topic, stand, formats)
    if (!frames.isEmpty) stream.send(frames.finish())
    return page
  }

  async #follow(stream: EventStream, topic: string, stand: ReadCursor, formats: RecordFormats): Promise<ReadCursor> {
    const key = keyOf(topic, stand, formats)
    const known = this.#feeds.get(key)
    if (known !== undefined) return await known.follow(stream, stand)
    const feed = new TopicFeed(this.#deps, topic, formats, stand, () => this.#feeds.delete(key))
    this.#feeds.set(key, feed)
    const following = feed.follow(stream, stand)
    void feed.run()
    return await following
  }
}

/** Streams with the same key get the same frames from the same place on. */
function keyOf(topic: string, stand: ReadCursor, { keyFormat, valueFormat }: RecordFormats): string {
  const partitions = stand.allPartitions ? 'all' : stand.positions.map(({ partition }) => partition).join()
  return `${topic} ${stand.topicId} ${partitions} ${keyFormat} ${valueFormat}`
}

import type { ReadCursor } from '../../broker/cursor.ts'
import type { StreamPage } from '../../broker/topic-page.ts'
import type { TopicStreamService } from '../../broker/topic-stream-service.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { EventFrames } from './event-frames.ts'
import { STEP_MAX_BYTES, stepMaxRecords } from './step-size.ts'
import { boundedBy } from './stream-positions.ts'

export interface FramedPage {
  readonly page: StreamPage
  /** Of the page's records, and of its gaps. */
  readonly frames: EventFrames
}

export interface FrameReading {
  readonly waitMs?: number
  readonly signal?: AbortSignal
  /** Reads not beyond. */
  readonly upTo?: ReadCursor['positions']
}

/** The next piece of a stream. */
export async function readFrames(
  streams: TopicStreamService,
  topic: string,
  from: ReadCursor,
  formats: RecordFormats,
  { waitMs = 0, signal, upTo }: FrameReading = {},
): Promise<FramedPage> {
  let frames: EventFrames | undefined
  const bound = upTo === undefined ? undefined : endsOf(upTo)
  const sinkFrom = (start: ReadCursor): EventFrames =>
    (frames = new EventFrames(formats, streams.trail(start), start.positions, bound))
  const limits = { maxRecords: stepMaxRecords(streams.cursorText(from)), maxBytes: STEP_MAX_BYTES, waitMs }
  const read = await streams.read(topic, from, limits, sinkFrom, signal)
  if (frames === undefined) throw new Error('a page was read without a sink')
  const page = upTo === undefined ? read : withBound(read, upTo)
  if (page.gaps.length > 0) frames.events('gap', page.gaps, streams.cursorText(page.cursor))
  return { page, frames }
}

function endsOf(positions: ReadCursor['positions']): (topic: string, partition: number) => number {
  const ends = new Map(positions.map(({ partition, offset }) => [partition, offset]))
  return (_topic, partition) => ends.get(partition) ?? 0
}

function withBound(page: StreamPage, upTo: ReadCursor['positions']): StreamPage {
  return { ...page, cursor: { ...page.cursor, positions: boundedBy(page.cursor.positions, upTo) } }
}

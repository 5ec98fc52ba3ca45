import type { ReadCursor } from '../../broker/cursor.ts'
import type { CursorTrail } from '../../broker/cursor-trail.ts'
import type { PageSink } from '../../broker/page-reader.ts'
import type { RecordColumns } from '../../broker/record-columns.ts'
import { JsonText, JsonWriter } from '../json/json-writer.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { RecordRenderer } from '../json/render-records.ts'

const idField = new JsonText('id: ')
const dataField = new JsonText('\ndata: ')
const end = new JsonText('\n\n')

/** What a client waits before it connects again, unless it knows better. */
const RETRY_MS = 2000

/** Records from this offset of a partition on are left out. */
export type OffsetBound = (topic: string, partition: number) => number

/**
 * Frames of an event stream: for each record one unnamed event, whose `id` is the cursor behind it. What a frame holds is
 * JSON without line breaks, so each takes one line.
 */
export class EventFrames implements PageSink {
  readonly #writer = new JsonWriter(2048)
  readonly #formats: RecordFormats
  readonly #trail: CursorTrail
  readonly #places: ReadonlyMap<number, number>
  readonly #bound: OffsetBound | undefined
  #renderer: RecordRenderer | undefined

  /** @param trail from where the page begins, its places in the order of the positions */
  constructor(formats: RecordFormats, trail: CursorTrail, positions: ReadCursor['positions'], bound?: OffsetBound) {
    this.#formats = formats
    this.#trail = trail
    this.#places = new Map(positions.map(({ partition }, place) => [partition, place]))
    this.#bound = bound
  }

  get isEmpty(): boolean {
    return this.#writer.length === 0
  }

  records(topic: string, partition: number, columns: RecordColumns): void {
    const writer = this.#writer
    if (this.#renderer?.isOf(topic, partition) !== true) {
      this.#renderer = new RecordRenderer(writer, this.#formats, topic, partition, true)
    }
    const renderer = this.#renderer
    const bound = this.#bound?.(topic, partition) ?? Infinity
    const place = this.#places.get(partition) ?? 0
    for (let record = 0; record < columns.count; record += 1) {
      const offset = columns.offset[record] ?? 0
      if (offset >= bound) return
      writer.write(idField)
      writer.writeText(this.#trail.moved(place, offset + 1))
      writer.write(dataField)
      renderer.write(columns, record)
      writer.write(end)
    }
  }

  /** An event with a name. */
  event(name: string, data: unknown, id?: string): void {
    this.#writer.writeText(eventText(name, data, id))
  }

  /** An event for each; the cursor behind them all stands at the last, so that a cut in between tells them again. */
  events(name: string, all: readonly unknown[], id: string): void {
    for (const [index, data] of all.entries()) this.event(name, data, index === all.length - 1 ? id : undefined)
  }

  /** Not used again. */
  finish(): Buffer {
    return this.#writer.bytes()
  }
}

/** Before anything else: who is cut off now comes back to this place. */
export function openingFrame(id: string): Buffer {
  return Buffer.from(`retry: ${RETRY_MS}\nid: ${id}\n\n`)
}

/** Shows that the connection is alive; no event is made of it, but the `id` counts. */
export function pingFrame(id: string): Buffer {
  return Buffer.from(`: ping\nid: ${id}\n\n`)
}

/** No event is made of it. */
export function commentFrame(text: string): Buffer {
  return Buffer.from(`: ${text}\n\n`)
}

export function eventFrame(name: string, data: unknown, id?: string): Buffer {
  return Buffer.from(eventText(name, data, id))
}

function eventText(name: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

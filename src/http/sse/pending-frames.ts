import type { DeliveredRun, PageCursors } from '../../broker/member-stream-service.ts'
import type { MemberPageSink } from '../../broker/member-fetch-service.ts'
import type { RecordColumns } from '../../broker/record-columns.ts'
import { JsonText, JsonWriter } from '../json/json-writer.ts'
import type { RecordFormats } from '../json/record-format.ts'
import { RecordRenderer } from '../json/render-records.ts'

const idField = new JsonText('id: ')
const dataField = new JsonText('\ndata: ')
const end = new JsonText('\n\n')

interface Run extends DeliveredRun {
  /** The first of its records, counted through the page. */
  readonly from: number
}

/** Records for frames whose cursors are known only when the page is whole. */
export class PendingFrames implements MemberPageSink {
  readonly #formats: RecordFormats
  readonly #json = new JsonWriter(2048)
  #runs: Run[] = []
  /** Of each record: where its JSON ends, and its offset. */
  #ends: number[] = []
  #offsets: number[] = []

  constructor(formats: RecordFormats) {
    this.#formats = formats
  }

  get runs(): readonly DeliveredRun[] {
    return this.#runs
  }

  records(topic: string, partition: number, columns: RecordColumns): void {
    const renderer = new RecordRenderer(this.#json, this.#formats, topic, partition, true)
    const firstOffset = columns.offset[0] ?? 0
    const nextOffset = (columns.offset[columns.count - 1] ?? 0) + 1
    this.#runs.push({ topic, partition, firstOffset, nextOffset, from: this.#ends.length })
    for (let record = 0; record < columns.count; record += 1) {
      renderer.write(columns, record)
      this.#ends.push(this.#json.length)
      this.#offsets.push(columns.offset[record] ?? 0)
    }
  }

  discard(): void {
    this.#json.length = 0
    this.#runs = []
    this.#ends = []
    this.#offsets = []
  }

  /** An unnamed event for each record, whose `id` is the cursor behind it. */
  finish({ trail, placeOf }: PageCursors): Buffer {
    const json = this.#json.bytes()
    const writer = new JsonWriter(json.length + this.#ends.length * 256)
    let start = 0
    for (const [index, { topic, partition, from }] of this.#runs.entries()) {
      const place = placeOf(topic, partition)
      const to = this.#runs[index + 1]?.from ?? this.#ends.length
      for (let record = from; record < to; record += 1) {
        const stop = this.#ends[record] ?? start
        writer.write(idField)
        writer.writeText(place < 0 ? trail.text() : trail.moved(place, (this.#offsets[record] ?? 0) + 1))
        writer.write(dataField)
        writer.writeBytes(json, start, stop)
        writer.write(end)
        start = stop
      }
    }
    return writer.bytes()
  }
}

import type { SegmentKey } from '../index/segment-index.ts'
import type { IndexRows, OffsetRow, TimeRow } from './index-rows.ts'

/** Holds the index' rows of one segment against its batches, told of in their order. */
export class SegmentIndexCheck {
  readonly #offsets: Generator<OffsetRow | undefined>
  readonly #times: Generator<TimeRow | undefined>
  #offsetRow: OffsetRow | undefined
  #timeRow: TimeRow | undefined
  #newestBefore = -1
  #faults = 0
  #firstFault: string | undefined

  constructor(rows: IndexRows, segment: SegmentKey) {
    this.#offsets = rows.offsetRows(segment)
    this.#times = rows.timeRows(segment)
    this.#offsetRow = this.#nextOffsetRow()
    this.#timeRow = this.#nextTimeRow()
  }

  /** How many rows do not say what the log says; the first of them in words. */
  get faults(): { readonly count: number; readonly first: string } | undefined {
    return this.#firstFault === undefined ? undefined : { count: this.#faults, first: this.#firstFault }
  }

  batch(offset: number, position: number, maxTimestamp: number): void {
    while (this.#offsetRow && this.#offsetRow.position <= position) {
      const row = this.#offsetRow
      if (row.position !== position || row.offset !== offset) this.#tell(row)
      this.#offsetRow = this.#nextOffsetRow()
    }
    while (this.#timeRow && this.#timeRow.position <= position) {
      const row = this.#timeRow
      if (row.position !== position || row.offset !== offset || row.timestamp < this.#newestBefore) this.#tell(row)
      this.#timeRow = this.#nextTimeRow()
    }
    if (maxTimestamp > this.#newestBefore) this.#newestBefore = maxTimestamp
  }

  /** The batches until that byte cannot be told: rows of them are passed over. */
  passTo(position: number): void {
    while (this.#offsetRow && this.#offsetRow.position < position) this.#offsetRow = this.#nextOffsetRow()
    while (this.#timeRow && this.#timeRow.position < position) this.#timeRow = this.#nextTimeRow()
    this.#newestBefore = -1
  }

  end(): void {
    this.#offsets.return(undefined)
    this.#times.return(undefined)
  }

  #tell(row: OffsetRow | TimeRow): void {
    this.#faults++
    const kind = 'timestamp' in row ? `time ${row.timestamp}` : 'an offset'
    this.#firstFault ??=
      `a row for ${kind} puts offset ${row.offset} at byte ${row.position}, where no such batch begins ` +
      'or older ones do not precede it'
  }

  #nextOffsetRow(): OffsetRow | undefined {
    return this.#nextSound(this.#offsets)
  }

  #nextTimeRow(): TimeRow | undefined {
    return this.#nextSound(this.#times)
  }

  #nextSound<Row>(rows: Generator<Row | undefined>): Row | undefined {
    for (;;) {
      const { done, value } = rows.next()
      if (done) return undefined
      if (value !== undefined) return value
      this.#faults++
      this.#firstFault ??= 'a row has a checksum that is not that of its fields'
    }
  }
}

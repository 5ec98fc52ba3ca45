import {
  BATCH_HEADER_BYTES,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  lastOffset,
  looksLikeBatch,
} from '../../codec/record-batch.ts'
import { ByteWindow, type WantedBytes } from './byte-window.ts'
import type { OffsetRange } from './partition-view.ts'

/** From a damaged batch that does not tell where it ends, to the next place of the segment that is known. */
export interface DamagedStretch {
  readonly generation: number
  readonly fenced: readonly OffsetRange[]
  /** Where the damaged batch begins. */
  readonly position: number
  /** The offset that was to come there. */
  readonly expectedOffset: number
  readonly end: KnownPlace
}

/** A sound batch that is known of, or the end of the segment's batches in the file. */
export interface KnownPlace {
  readonly position: number
  /** Every batch before it ends below. */
  readonly offset: number
  /** `offset` is that of the batch which begins here: without compaction the one before ends right below. */
  readonly isBatch: boolean
}

export interface RunStart {
  readonly position: number
  readonly baseOffset: number
}

/** What is judged in vain ends a search: a record's value may be made of headers that each claim a megabyte. */
const JUDGED_BYTES_MAX_FACTOR = 4
const MAGIC_AT = 16
const MAGIC = 2

/**
 * Finds the sound batches that lie behind a damaged one whose length is lost: the first place from which one sound batch
 * lies behind the other, their offsets in order, up to a place that is known. That they lead there is what tells them from
 * a batch within a record's value: what follows that one is the rest of its record.
 */
export function* findSoundRun(stretch: DamagedStretch): Generator<WantedBytes, RunStart | undefined, Buffer> {
  return yield* new SoundRunSearch(stretch).run()
}

class SoundRunSearch {
  readonly #stretch: DamagedStretch
  readonly #window: ByteWindow
  #judgedBytesLeft: number

  constructor(stretch: DamagedStretch) {
    this.#stretch = stretch
    this.#window = new ByteWindow(stretch.end.position)
    this.#judgedBytesLeft = JUDGED_BYTES_MAX_FACTOR * (stretch.end.position - stretch.position)
  }

  *run(): Generator<WantedBytes, RunStart | undefined, Buffer> {
    let position = this.#stretch.position + 1
    while (yield* this.#window.load(position, BATCH_HEADER_BYTES)) {
      const at = this.#nextLookalike(this.#window.at(position))
      if (at < 0) {
        position = this.#window.loadedTo - BATCH_HEADER_BYTES + 1
        continue
      }
      const start = { position: this.#window.position(at), baseOffset: baseOffset(this.#window.bytes, at) }
      const end = yield* this.#follow(start.position)
      if (end === this.#stretch.end.position) return start
      if (this.#judgedBytesLeft < 0) return undefined
      position = Math.max(end, start.position + 1)
    }
    return undefined
  }

  /** In the loaded bytes, the next header that a batch of this stretch might have; −1 = none. */
  #nextLookalike(from: number): number {
    const { bytes } = this.#window
    const { expectedOffset, end } = this.#stretch
    const last = bytes.length - BATCH_HEADER_BYTES
    for (let at = from; at <= last; at++) {
      const magicAt = bytes.indexOf(MAGIC, at + MAGIC_AT)
      if (magicAt < 0 || magicAt - MAGIC_AT > last) return -1
      at = magicAt - MAGIC_AT
      if (!looksLikeBatch(bytes, at)) continue
      const offset = baseOffset(bytes, at)
      if (offset > expectedOffset && offset < end.offset) return at
    }
    return -1
  }

  /** Goes along sound batches. @returns where they end; the stretch's end only if they lead to it */
  *#follow(from: number): Generator<WantedBytes, number, Buffer> {
    const { end } = this.#stretch
    let position = from
    let nextOffset: number | undefined
    while (position < end.position) {
      if (!(yield* this.#loadBatch(position))) return position
      const at = this.#window.at(position)
      const { bytes } = this.#window
      const first = baseOffset(bytes, at)
      if (checkBatch(bytes, at, bytes.length) !== 'valid' || lastOffset(bytes, at) >= end.offset) return position
      if (nextOffset !== undefined && !this.#mayFollow(nextOffset, first)) return position
      nextOffset = lastOffset(bytes, at) + 1
      const sizeBytes = batchSizeBytes(bytes, at)
      if (position + sizeBytes === end.position && end.isBatch && !this.#mayFollow(nextOffset, end.offset))
        return position
      position += sizeBytes
    }
    return position
  }

  *#loadBatch(position: number): Generator<WantedBytes, boolean, Buffer> {
    if (!(yield* this.#window.load(position, BATCH_HEADER_BYTES))) return false
    const sizeBytes = batchSizeBytes(this.#window.bytes, this.#window.at(position))
    if (sizeBytes < BATCH_HEADER_BYTES || position + sizeBytes > this.#stretch.end.position) return false
    this.#judgedBytesLeft -= sizeBytes
    return this.#judgedBytesLeft >= 0 && (yield* this.#window.load(position, sizeBytes))
  }

  #mayFollow(expected: number, offset: number): boolean {
    if (offset === expected) return true
    if (offset < expected) return false
    const { generation, fenced } = this.#stretch
    return generation > 0 || fenced.some((range) => range.from <= expected && offset <= range.to)
  }
}

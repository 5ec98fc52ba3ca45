import { BATCH_OVERHEAD_BYTES, baseOffset, batchSizeBytes, checkBatch, lastOffset } from '../../codec/record-batch.ts'
import type { CleaningFiles, SegmentSource } from './cleaning-files.ts'

/** A segment as the cleaning thread is told of it. */
export interface CleaningSegment {
  readonly baseOffset: number
  readonly generation: number
  readonly path: string
  readonly sizeBytes: number
}

/** A batch that is not what was written: nothing of its segment may be replaced. */
export class DamagedSegmentError extends Error {
  readonly segmentBaseOffset: number

  constructor(segmentBaseOffset: number, position: number, reason: string) {
    super(`the segment with base offset ${segmentBaseOffset} is damaged at byte ${position}: ${reason}`)
    this.name = 'DamagedSegmentError'
    this.segmentBaseOffset = segmentBaseOffset
  }
}

/** For a batch's header, then for the batch. */
const LOADS_MAX = 2

/** Reading so many bytes of a file is over. */
export type ReadObserver = (bytes: number) => void

/**
 * The batches of a segment's file, one behind the other, each checked. Reads ahead into one buffer, which the files read
 * share; it grows to the largest batch.
 */
export class SegmentBatches {
  readonly #files: CleaningFiles
  readonly #onRead: ReadObserver
  #buffer: Buffer
  #source: SegmentSource | undefined
  #segment: CleaningSegment = { baseOffset: 0, generation: 0, path: '', sizeBytes: 0 }
  #nextOffset = 0
  /** In the file, of the buffer's first byte. */
  #bufferedFrom = 0
  #bufferedBytes = 0
  #behind = 0
  /** Where the present batch begins in `bytes`. */
  at = 0

  constructor(files: CleaningFiles, bufferBytes: number, onRead: ReadObserver) {
    this.#files = files
    this.#buffer = Buffer.allocUnsafeSlow(bufferBytes)
    this.#onRead = onRead
  }

  /** What the batch lies in; others' bytes are around it. */
  get bytes(): Buffer {
    return this.#buffer
  }

  open(segment: CleaningSegment): void {
    this.close()
    this.#source = this.#files.openToRead(segment.path)
    this.#segment = segment
    this.#nextOffset = segment.baseOffset
    this.#bufferedFrom = 0
    this.#bufferedBytes = 0
    this.#behind = 0
  }

  /** When the file was written last. */
  get modifiedMs(): number {
    return this.#source?.modifiedMs ?? 0
  }

  /** False behind the last batch. Throws DamagedSegmentError. */
  next(): boolean {
    this.at = this.#behind
    if (this.#position === this.#segment.sizeBytes) return false
    let check = checkBatch(this.#buffer, this.at, this.#bufferedBytes)
    // How long the batch is shows only when its header is there: it may take a second look to have all of it.
    for (let loads = 0; check === 'torn' && loads < LOADS_MAX; loads++) {
      this.#load()
      check = checkBatch(this.#buffer, this.at, this.#bufferedBytes)
    }
    if (check !== 'valid') throw this.#damaged(check === 'torn' ? 'it ends within a batch' : 'a batch is not valid')
    const offset = baseOffset(this.#buffer, this.at)
    if (offset < this.#nextOffset) throw this.#damaged(`offset ${offset} lies behind ${this.#nextOffset}`)
    // Only a segment that was compacted before may have gaps.
    if (offset > this.#nextOffset && this.#segment.generation === 0) {
      throw this.#damaged(`offset ${offset} follows ${this.#nextOffset - 1}`)
    }
    this.#nextOffset = lastOffset(this.#buffer, this.at) + 1
    this.#behind = this.at + batchSizeBytes(this.#buffer, this.at)
    return true
  }

  close(): void {
    this.#source?.close()
    this.#source = undefined
  }

  get #position(): number {
    return this.#bufferedFrom + this.at
  }

  /** Fills the buffer from the present position on, with room for at least the batch there. */
  #load(): void {
    const position = this.#position
    const left = this.#segment.sizeBytes - position
    const carried = this.#bufferedBytes - this.at
    const claimed = carried >= BATCH_OVERHEAD_BYTES ? batchSizeBytes(this.#buffer, this.at) : 0
    if (claimed > left) throw this.#damaged(`a batch claims ${claimed} bytes of ${left}`)
    const room = claimed > this.#buffer.length ? Buffer.allocUnsafeSlow(claimed) : this.#buffer
    this.#buffer.copy(room, 0, this.at, this.#bufferedBytes)
    this.#buffer = room
    this.#bufferedFrom = position
    this.#bufferedBytes = carried
    this.at = 0
    this.#fill(Math.min(room.length, left))
  }

  #fill(wantedBytes: number): void {
    const source = this.#source
    if (source === undefined) throw new RangeError('no segment is open')
    while (this.#bufferedBytes < wantedBytes) {
      const from = this.#bufferedBytes
      const read = source.read(this.#buffer, from, wantedBytes - from, this.#bufferedFrom + from)
      if (read === 0) throw this.#damaged('the file is shorter than it was')
      this.#bufferedBytes += read
      this.#onRead(read)
    }
  }

  #damaged(reason: string): DamagedSegmentError {
    return new DamagedSegmentError(this.#segment.baseOffset, this.#position, reason)
  }
}

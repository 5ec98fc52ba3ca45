import {
  BATCH_HEADER_BYTES,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  lastOffset,
  maxTimestamp,
} from '../../codec/record-batch.ts'
import type { FileHandle } from '../file-system.ts'
import { endByFlippedLength } from './flipped-length.ts'
import type { FencedRange, OffsetRange } from './partition-view.ts'

/** The facts of a segment that one walk goes by, taken at its begin: later growth of the file does not concern it. */
export interface SegmentExtent {
  readonly baseOffset: number
  readonly generation: number
  readonly path: string
  readonly fileBytes: number
  /** Every batch of the segment ends below it. */
  readonly endOffset: number
  readonly fenced: readonly FencedRange[]
}

/**
 * What lies at the cursor. `unread`: more of the file must be loaded to tell. `damaged`: no batch that may stand here.
 */
export type Judgement = 'valid' | 'unread' | 'damaged' | 'end'

const CHUNK_MIN_BYTES = 16 * 1024
const CHUNK_MAX_BYTES = 1024 * 1024

/**
 * A walk over the batches of a segment's file, each verified before it counts: its CRC, and, as the CRC leaves the
 * offset out, that it continues the batches before it. Reads the file in chunks, which double as the walk goes on.
 */
export class SegmentCursor {
  readonly #file: FileHandle
  readonly #segment: SegmentExtent
  #fileBytes: number
  /** The file is shorter than the facts say. */
  #cutShort = false
  #chunk: Buffer = Buffer.alloc(0)
  #chunkPosition = 0
  #chunkBytes: number
  #position = 0
  #expectedOffset = 0
  /** Of the last batch found valid. */
  #validPosition = -1
  #at = 0
  #sizeBytes = 0

  /** @param firstReadBytes what the first load is to fetch, about */
  constructor(file: FileHandle, segment: SegmentExtent, firstReadBytes: number) {
    this.#file = file
    this.#segment = segment
    this.#fileBytes = segment.fileBytes
    this.#chunkBytes = Math.min(Math.max(firstReadBytes, CHUNK_MIN_BYTES), CHUNK_MAX_BYTES)
    this.#expectedOffset = segment.baseOffset
  }

  /** Of the batch looked at, in the file. */
  get position(): number {
    return this.#position
  }

  /** The offset the batch must begin with; with a compacted segment, at least. */
  get expectedOffset(): number {
    return this.#expectedOffset
  }

  /** Where the batch begins in `chunk`; holds until the next `load`. */
  get at(): number {
    return this.#at
  }

  get chunk(): Buffer {
    return this.#chunk
  }

  /** Of the batch looked at; 0 while not even its length is loaded. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get baseOffset(): number {
    return baseOffset(this.#chunk, this.#at)
  }

  get lastOffset(): number {
    return lastOffset(this.#chunk, this.#at)
  }

  get maxTimestamp(): number {
    return maxTimestamp(this.#chunk, this.#at)
  }

  seek(position: number, expectedOffset: number): void {
    this.#validPosition = -1
    this.#position = position
    this.#expectedOffset = expectedOffset
  }

  /** May be asked again where the cursor stands: a batch is verified once. */
  judge(): Judgement {
    if (this.#validPosition === this.#position) return 'valid'
    const judgement = this.#verify()
    if (judgement === 'valid') this.#validPosition = this.#position
    return judgement
  }
  /** `judge`, loading what it takes. */
  async judgeLoaded(): Promise<Exclude<Judgement, 'unread'>> {
    for (;;) {
      const judgement = this.judge()
      if (judgement !== 'unread') return judgement
      await this.load()
    }
  }

  /** Loads from the cursor on: the batch there whole, if its size is known by now. */
  async load(): Promise<void> {
    this.#validPosition = -1
    const wanted = Math.max(this.#chunkBytes, this.#sizeBytes)
    const length = Math.min(wanted, this.#fileBytes - this.#position)
    this.#chunk = await this.#file.read(this.#position, length)
    this.#chunkPosition = this.#position
    this.#chunkBytes = Math.min(this.#chunkBytes * 2, CHUNK_MAX_BYTES)
    if (this.#chunk.length < length) {
      this.#fileBytes = this.#position + this.#chunk.length
      this.#cutShort = true
    }
  }

  /** Goes behind the batch, which `judge` has found valid. */
  advance(): void {
    this.#expectedOffset = this.lastOffset + 1
    this.#position += this.#sizeBytes
  }

  /** Where the damaged batch at the cursor says it ends, if that is in the file. */
  claimedEnd(): number | undefined {
    const at = this.#position - this.#chunkPosition
    if (at < 0 || at + BATCH_HEADER_BYTES > this.#chunk.length) return undefined
    const sizeBytes = batchSizeBytes(this.#chunk, at)
    const end = this.#position + sizeBytes
    return sizeBytes >= BATCH_HEADER_BYTES && end < this.#fileBytes ? end : undefined
  }

  /** Where the damaged batch at a position ends, if one flipped bit of its length explains the damage. */
  async provenEnd(position: number): Promise<number | undefined> {
    const end = await endByFlippedLength(this.#file, position, this.#fileBytes)
    return end !== undefined && end < this.#fileBytes ? end : undefined
  }

  /** The offset that the bytes at a position, taken for a batch, begin with. Moves the cursor there. */
  async baseOffsetAt(position: number): Promise<number | undefined> {
    this.seek(position, 0)
    if (position + BATCH_HEADER_BYTES > this.#fileBytes) return undefined
    const at = position - this.#chunkPosition
    if (at < 0 || at + BATCH_HEADER_BYTES > this.#chunk.length) {
      this.#sizeBytes = 0
      await this.load()
      if (this.#chunk.length < BATCH_HEADER_BYTES) return undefined
    }
    return baseOffset(this.#chunk, position - this.#chunkPosition)
  }

  #verify(): Judgement {
    this.#sizeBytes = 0
    if (this.#position >= this.#fileBytes) return this.#cutShort ? 'damaged' : 'end'
    this.#at = this.#position - this.#chunkPosition
    const available = this.#at < 0 ? 0 : this.#chunk.length - this.#at
    if (available < BATCH_HEADER_BYTES) return this.#unread(BATCH_HEADER_BYTES)
    const sizeBytes = batchSizeBytes(this.#chunk, this.#at)
    if (sizeBytes < BATCH_HEADER_BYTES || !this.#mayBeginWith(this.baseOffset)) return 'damaged'
    this.#sizeBytes = sizeBytes
    if (available < sizeBytes) return this.#unread(sizeBytes)
    if (checkBatch(this.#chunk, this.#at, this.#chunk.length) !== 'valid') return 'damaged'
    return this.lastOffset < this.#segment.endOffset ? 'valid' : 'damaged'
  }

  #unread(neededBytes: number): Judgement {
    return this.#position + neededBytes > this.#fileBytes ? 'damaged' : 'unread'
  }

  #mayBeginWith(offset: number): boolean {
    const expected = this.#expectedOffset
    if (offset === expected) return true
    if (offset < expected || offset >= this.#segment.endOffset) return false
    return this.#segment.generation > 0 || isFenced(this.#segment.fenced, expected, offset)
  }
}

function isFenced(fenced: readonly OffsetRange[], from: number, to: number): boolean {
  return fenced.some((range) => range.from <= from && to <= range.to)
}

import assert from 'node:assert/strict'
import type { Logger } from '../../broker/logger.ts'
import { alignedBytes, encodeFrame, FRAME_ALIGNMENT_BYTES, type FrameKind, type Section } from './frame.ts'
import { isDiskFull } from '../log/storage-failure.ts'
import { FRAMES_START, type JournalFile } from './journal-file.ts'

/** Of the file in use, allocated before the first round; the rest follows in the background. */
const ALLOCATED_FIRST_BYTES = 4 * 1024 * 1024
/** Of the rest, at a time: a round that needs more waits for it. */
const ALLOCATED_AHEAD_BYTES = 8 * 1024 * 1024
/** Allocated behind a file's capacity, for the checkpoint that a full file waits for. */
const CHECKPOINT_MARGIN_BYTES = 256 * 1024
/** Frames of this size at most are gathered into one buffer: one copy is cheaper than many pieces in a system call. */
const GATHERED_MAX_BYTES = 128 * 1024

export interface JournalStart {
  readonly journalId: Uint8Array
  /** How often the writer has changed files; its parity is the file in use. */
  readonly cycle: number
  /** Behind the newest frame. */
  readonly position: number
  readonly lastRound: number
  /** Of the newest frame in the file that is not in use. */
  readonly otherNewestRound: number
  /** All frames up to this round are covered by a durable checkpoint. */
  readonly coveredRound: number
}

/**
 * The commit journal: two files, overwritten in place in turn. One writer at a time.
 *
 * A file is overwritten only when a durable checkpoint covers every frame in it. Round frames stay within a file's
 * capacity; checkpoint frames may pass it, so that a full journal can always be relieved.
 */
export class Journal {
  readonly #files: readonly [JournalFile, JournalFile]
  readonly #capacityBytes: number
  readonly #logger: Logger
  readonly #journalId: Uint8Array
  readonly #gathered = Buffer.alloc(GATHERED_MAX_BYTES)
  #cycle: number
  #position: number
  #lastRound: number
  #coveredRound: number
  #writtenBytes = 0
  #closed = false
  #failure: unknown
  #onFailure: ((error: unknown) => void) | undefined

  constructor(
    files: readonly [JournalFile, JournalFile],
    options: { readonly capacityBytes: number; readonly logger: Logger },
    start: JournalStart,
  ) {
    this.#files = files
    this.#capacityBytes = alignedBytes(options.capacityBytes)
    this.#logger = options.logger
    this.#journalId = start.journalId
    this.#cycle = start.cycle
    this.#position = start.position
    this.#lastRound = start.lastRound
    this.#coveredRound = start.coveredRound
    this.#current.newestRound = start.lastRound
    this.#other.newestRound = start.otherNewestRound
  }

  get lastRound(): number {
    return this.#lastRound
  }

  /** Frame bytes written since the start, padding included. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** The largest round frame that fits an empty file. */
  get roundFrameMaxBytes(): number {
    return this.#capacityBytes - FRAMES_START
  }

  get #current(): JournalFile {
    return this.#files[this.#cycle % 2 === 0 ? 0 : 1]
  }

  get #other(): JournalFile {
    return this.#files[this.#cycle % 2 === 0 ? 1 : 0]
  }

  /** Makes the beginning of the file in use ready, then goes on with the rest behind the caller's back. */
  async allocateFirst(): Promise<void> {
    await this.#current.allocate(Math.min(this.#capacityBytes, ALLOCATED_FIRST_BYTES))
    void this.#allocateRest()
  }

  async #allocateRest(): Promise<void> {
    try {
      for (const file of [this.#current, this.#other]) {
        for (let at = file.allocatedBytes; at < this.#capacityBytes + CHECKPOINT_MARGIN_BYTES;) {
          if (this.#closed) return
          at += ALLOCATED_AHEAD_BYTES
          await file.allocate(Math.min(at, this.#capacityBytes + CHECKPOINT_MARGIN_BYTES))
        }
      }
    } catch (error) {
      // Whatever is missing is allocated when a round needs it, and what goes wrong then is told.
      this.#logger.warn({ err: error }, 'the journal could not be allocated in advance')
      if (isDiskFull(error)) return
      this.#failure = error
      this.#onFailure?.(error)
    }
  }

  /**
   * Told of an error of the disk behind the callers' back: a sync that failed may have been told of a frame's bytes, whose
   * own sync then knows nothing of it.
   */
  onFailure(listener: (error: unknown) => void): void {
    this.#onFailure = listener
    if (this.#failure !== undefined) listener(this.#failure)
  }

  /**
   * Room for one round frame of at most so many bytes, changing files if need be. False: the other file still holds
   * frames that no checkpoint covers.
   */
  makeRoom(frameBytes: number): boolean {
    assert.ok(frameBytes <= this.roundFrameMaxBytes, `a frame of ${frameBytes} bytes is larger than a journal file`)
    if (this.#position + alignedBytes(frameBytes) <= this.#capacityBytes) return true
    if (this.#other.newestRound > this.#coveredRound) return false
    this.#cycle++
    this.#position = FRAMES_START
    return true
  }

  /** As `makeRoom` for a checkpoint frame, which goes beyond the capacity where no room can be made. */
  makeRoomIfFree(frameBytes: number): void {
    if (frameBytes <= this.roundFrameMaxBytes) this.makeRoom(frameBytes)
  }

  /** True if a round frame would have to wait for a checkpoint, were the file in use full. */
  get needsCheckpoint(): boolean {
    return this.#other.newestRound > this.#coveredRound
  }

  /** Allocates what the frame will overwrite; nothing is promised to anybody before that. May reject with ENOSPC. */
  allocate(frameBytes: number): Promise<void> {
    return this.#current.allocate(this.#position + alignedBytes(frameBytes))
  }

  /**
   * Writes the next frame, durably; `written` is called between write and sync if given. A rejection leaves open
   * whether the frame is there: nothing may be written afterwards.
   */
  async append(kind: FrameKind, sections: readonly Section[], written?: () => void): Promise<void> {
    const round = this.#lastRound + 1
    const file = this.#current
    const position = this.#position
    const buffers = this.#gather(encodeFrame({ journalId: this.#journalId, cycle: this.#cycle, round }, kind, sections))
    const sizeBytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    assert.ok(sizeBytes % FRAME_ALIGNMENT_BYTES === 0 && position + sizeBytes <= file.allocatedBytes)
    this.#lastRound = round
    this.#position += sizeBytes
    this.#writtenBytes += sizeBytes
    file.newestRound = round
    if (written) {
      await file.write(buffers, position)
      written()
      await file.datasync()
    } else await file.writeDurably(buffers, position)
  }

  /** A checkpoint that covers the round is durable. */
  covered(round: number): void {
    this.#coveredRound = round
  }

  #gather(buffers: readonly Uint8Array[]): readonly Uint8Array[] {
    const sizeBytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    if (sizeBytes > this.#gathered.length) return buffers
    let at = 0
    for (const buffer of buffers) {
      this.#gathered.set(buffer, at)
      at += buffer.length
    }
    return [this.#gathered.subarray(0, sizeBytes)]
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const file of this.#files) await file.close()
  }
}

import type { Clock } from '../../broker/clock.ts'
import type { FileSystem } from '../file-system.ts'
import type { ReservedSpace } from '../log/directory-log-options.ts'

const LOW_WATER_MAX_BYTES = 256 * 1024 * 1024
const LOW_WATER_SHARE = 0.05
const MEASURED_FOR_MS = 1000
/** Of what is kept free, the share that the server's own records may not use either. */
const INTERNAL_SHARE = 1 / 8
/** And the share that has to come back on top before records are taken again: else each small request would be, in turn. */
const RESUME_SHARE = 1 / 16

export interface SpaceGuardOptions {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly path: string
  readonly lowWaterBytes: number | undefined
  readonly reserve: ReservedSpace | undefined
}

/**
 * Keeps a log directory from filling its disk: what was committed to the journal must always find room in its segment.
 * The space is measured at most once a second, and anew whenever the last figure would refuse.
 */
export class SpaceGuard {
  readonly #options: SpaceGuardOptions
  #freeBytes = 0
  #lowWaterBytes = 0
  #measuredAt = -Infinity
  #writtenSince = 0
  /** What is held back but not on the disk now: nothing else may use its space. */
  #missingReserveBytes = 0
  #lookedForReserve = false
  #isRefusing = false

  constructor(options: SpaceGuardOptions) {
    this.#options = options
  }

  /** As last measured. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /**
   * Whether records of internal topics may still be taken while others are refused, by the last measurement: committed
   * offsets, so that consumers can go on, which is how space is often freed.
   */
  sufficesForInternal(outstandingBytes: number): boolean {
    return this.#freeBytes - this.#writtenSince >= this.#lowWaterBytes * INTERNAL_SHARE + outstandingBytes
  }

  /** Bytes were written to segments since the space was measured. */
  wrote(bytes: number): void {
    this.#writtenSince += bytes
  }

  /** True if that is known without measuring anew. */
  suffices(outstandingBytes: number): boolean {
    return !this.#isStale() && !this.#isShort(outstandingBytes)
  }

  /** Undefined if a round may be taken while so many bytes still have to go to their segments; else why not. */
  async refusal(outstandingBytes: number): Promise<string | undefined> {
    if (this.#isStale() || this.#isShort(outstandingBytes)) await this.#measure()
    this.#isRefusing = this.#isShort(outstandingBytes)
    if (!this.#isRefusing) return undefined
    return (
      `${this.#freeBytes} bytes are free, but ${this.#keptFreeBytes} are kept free ` +
      `and ${outstandingBytes} have yet to go to their segments`
    )
  }

  /** A write met a full disk: gives the reserve up. True if that may have helped. */
  async release(): Promise<boolean> {
    const { reserve } = this.#options
    if (!reserve?.held) return false
    await reserve.release()
    this.#measuredAt = -Infinity
    return true
  }

  #isStale(): boolean {
    return this.#options.clock.monotonic() - this.#measuredAt >= MEASURED_FOR_MS
  }

  #isShort(outstandingBytes: number): boolean {
    return this.#freeBytes - this.#writtenSince < this.#keptFreeBytes + outstandingBytes
  }

  get #keptFreeBytes(): number {
    const keptBytes = this.#lowWaterBytes + this.#missingReserveBytes
    return this.#isRefusing ? keptBytes + Math.floor(this.#lowWaterBytes * RESUME_SHARE) : keptBytes
  }

  async #measure(): Promise<void> {
    await this.#askDisk()
    if (this.#missingReserveBytes === 0) return
    if (!this.#lookedForReserve) await this.#lookForReserve()
    else if (!this.#isShort(0) && (await this.#options.reserve?.restore().catch(() => false))) await this.#askDisk()
  }

  async #askDisk(): Promise<void> {
    const { fileSystem, path, clock, reserve, lowWaterBytes } = this.#options
    const { totalBytes, freeBytes } = await fileSystem.space(path)
    this.#lowWaterBytes = lowWaterBytes ?? lowWaterBytesOf(totalBytes)
    this.#freeBytes = freeBytes
    this.#measuredAt = clock.monotonic()
    this.#writtenSince = 0
    this.#missingReserveBytes = reserve && !reserve.held ? reserve.sizeBytes : 0
  }

  /** A process before this one may have left it. To write it is not what a start waits for. */
  async #lookForReserve(): Promise<void> {
    this.#lookedForReserve = true
    if (await this.#options.reserve?.find().catch(() => false)) this.#missingReserveBytes = 0
  }
}

/** What is kept free of a file system of that size where nothing else is set. */
export function lowWaterBytesOf(totalBytes: number): number {
  return Math.min(LOW_WATER_MAX_BYTES, Math.floor(totalBytes * LOW_WATER_SHARE))
}

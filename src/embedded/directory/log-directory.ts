import type { FileSystem } from '../file-system.ts'
import type { HeldLock } from '../storage-drivers.ts'
import { SpaceReserve } from './space-reserve.ts'

export interface LogDirectoryOptions {
  readonly path: string
  /** Of meta.properties, or of the catalogue where the directory itself cannot be asked. */
  readonly directoryId: string
  /** What makes it offline from the start. */
  readonly offlineReason?: string
  /** Held where it is online. */
  readonly lock?: HeldLock
  readonly fileSystem: FileSystem
  readonly random: (sizeBytes: number) => Uint8Array
  /** `log.dir.reserve.bytes` */
  readonly reserveBytes: number
}

/** One of `log.dirs` that the catalogue knows. Offline is for good: only a start brings a directory back. */
export class LogDirectory {
  readonly path: string
  readonly directoryId: string
  readonly reserve: SpaceReserve
  readonly #fileSystem: FileSystem
  readonly #lock: HeldLock | undefined
  #offlineReason: string | undefined
  #totalBytes = 0
  #freeBytes = 0

  constructor(options: LogDirectoryOptions) {
    this.path = options.path
    this.directoryId = options.directoryId
    this.reserve = new SpaceReserve(options)
    this.#fileSystem = options.fileSystem
    this.#lock = options.lock
    this.#offlineReason = options.offlineReason
  }

  get online(): boolean {
    return this.#offlineReason === undefined
  }

  get offlineReason(): string | undefined {
    return this.#offlineReason
  }

  /** Of its file system, when last asked. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  /** Kafka's rule: whatever fails to open, rename or sync in it, the directory is no longer used. The first reason stays. */
  takeOffline(reason: string): void {
    this.#offlineReason ??= reason
  }

  async refreshSpace(): Promise<void> {
    if (!this.online) return
    const { totalBytes, freeBytes } = await this.#fileSystem.space(this.path)
    this.#totalBytes = totalBytes
    this.#freeBytes = freeBytes
  }

  releaseLock(): void {
    this.#lock?.release()
  }
}

import { ConcurrencyLimit } from '../broker/concurrency-limit.ts'
import type { FileHandle, FileSystem } from './file-system.ts'

export interface SyncLimitOptions {
  /** Durable writes at the same time: the journals' frames, on which every publish waits. */
  readonly durableWritesMax: number
  /** Other syncs at the same time: of checkpoints, large requests and new files. */
  readonly syncsMax: number
}

/** Of libuv's pool of 16 (see `main.ts`), syncs hold 12 threads at most: reads and plain writes always find one. */
export const defaultSyncLimits: SyncLimitOptions = { durableWritesMax: 8, syncsMax: 4 }

/**
 * A file system on which calls that wait for the disk wait in two lines of their own, with as many under way as the
 * limits say. A sync that takes a second holds a thread for a second: without limits, a few log directories on a slow
 * disk would hold them all, and reads of what is in the page cache would wait too.
 */
export function limitSyncs(fileSystem: FileSystem, options: SyncLimitOptions = defaultSyncLimits): FileSystem {
  const durableWrites = new ConcurrencyLimit(options.durableWritesMax)
  const syncs = new ConcurrencyLimit(options.syncsMax)
  return {
    open: async (path, openOptions) =>
      new LimitedHandle(await fileSystem.open(path, openOptions), durableWrites, syncs),
    mkdir: (path) => fileSystem.mkdir(path),
    readdir: (path) => fileSystem.readdir(path),
    stat: (path) => fileSystem.stat(path),
    rename: (from, to) => fileSystem.rename(from, to),
    unlink: (path) => fileSystem.unlink(path),
    removeTree: (path) => fileSystem.removeTree(path),
    syncDirectory: (path) => syncs.run(() => fileSystem.syncDirectory(path)),
    space: (path) => fileSystem.space(path),
  }
}

class LimitedHandle implements FileHandle {
  readonly #handle: FileHandle
  readonly #durableWrites: ConcurrencyLimit
  readonly #syncs: ConcurrencyLimit

  constructor(handle: FileHandle, durableWrites: ConcurrencyLimit, syncs: ConcurrencyLimit) {
    this.#handle = handle
    this.#durableWrites = durableWrites
    this.#syncs = syncs
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#handle.read(position, length)
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#handle.write(buffers, position)
  }

  writeDurably(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#durableWrites.run(() => this.#handle.writeDurably(buffers, position))
  }

  datasync(): Promise<void> {
    return this.#syncs.run(() => this.#handle.datasync())
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes)
  }

  size(): Promise<number> {
    return this.#handle.size()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

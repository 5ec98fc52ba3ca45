import type { Clock } from '../../src/broker/clock.ts'
import type { FileHandle, FileSystem } from '../../src/embedded/file-system.ts'

/**
 * A file system behind a pool of threads, as libuv has one: each call holds a thread until it is through, further calls
 * wait in order. Calls that wait for the disk take `syncMs` of the clock's time, others none.
 */
export class ThreadPoolFileSystem implements FileSystem {
  readonly #under: FileSystem
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #free: number
  syncMs = 0
  /** The most syncs that were under way at the same time. */
  syncsMax = 0
  #syncs = 0

  constructor(under: FileSystem, clock: Clock, threads: number) {
    this.#under = under
    this.#clock = clock
    this.#free = threads
  }

  async open(...given: Parameters<FileSystem['open']>): Promise<FileHandle> {
    const handle = await this.#onThread(() => this.#under.open(...given))
    return {
      read: (position, length) => this.#onThread(() => handle.read(position, length)),
      write: (buffers, position) => this.#onThread(() => handle.write(buffers, position)),
      writeDurably: (buffers, position) => this.#slowly(() => handle.writeDurably(buffers, position)),
      datasync: () => this.#slowly(() => handle.datasync()),
      truncate: (sizeBytes) => this.#onThread(() => handle.truncate(sizeBytes)),
      size: () => this.#onThread(() => handle.size()),
      close: () => this.#onThread(() => handle.close()),
    }
  }

  mkdir(path: string): Promise<void> {
    return this.#onThread(() => this.#under.mkdir(path))
  }

  readdir(path: string): Promise<string[]> {
    return this.#onThread(() => this.#under.readdir(path))
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.#onThread(() => this.#under.stat(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#onThread(() => this.#under.rename(from, to))
  }

  unlink(path: string): Promise<void> {
    return this.#onThread(() => this.#under.unlink(path))
  }

  removeTree(path: string): Promise<void> {
    return this.#onThread(() => this.#under.removeTree(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#slowly(() => this.#under.syncDirectory(path))
  }

  space(path: string): ReturnType<FileSystem['space']> {
    return this.#onThread(() => this.#under.space(path))
  }

  #slowly<T>(call: () => Promise<T>): Promise<T> {
    return this.#onThread(async () => {
      this.syncsMax = Math.max(this.syncsMax, ++this.#syncs)
      if (this.syncMs > 0) await new Promise<void>((resolve) => this.#clock.setTimer(this.syncMs, resolve))
      this.#syncs--
      return await call()
    })
  }

  async #onThread<T>(call: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await call()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

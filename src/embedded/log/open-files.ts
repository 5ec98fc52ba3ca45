import assert from 'node:assert/strict'
import type { FileHandle, FileSystem } from '../file-system.ts'
import { isOutOfDescriptors } from './storage-failure.ts'

export interface OpenFilesOptions {
  readonly fileSystem: FileSystem
  /** `open.files.max`: handles held at the same time, those being opened or closed included. */
  readonly limit?: number
}

interface OpenFile {
  path: string
  readonly opening: Promise<FileHandle>
  users: number
  /** Told once the last user is gone, if the file is to be closed then. */
  retire: (() => void) | undefined
}

const LIMIT_DEFAULT = 512
/** Files that `closeIdle` closes at a time, and as many it leaves open. */
const GIVEN_UP_AT_ONCE = 4

/**
 * Segment files held open, the least recently used closed first.
 *
 * A file is open (for reading and writing, never created) at most once, however many use it at the same time, and is
 * never closed under a user. When every handle is in use, a further file waits; so `fn` must not itself wait for
 * `use` of another path.
 */
export class OpenFiles {
  readonly #fileSystem: FileSystem
  readonly #limit: number
  /** In order of use, least recent first. */
  readonly #files = new Map<string, OpenFile>()
  readonly #closing = new Map<string, Set<Promise<void>>>()
  readonly #waiting: (() => void)[] = []
  /** Slots taken: handles open, being opened or being closed. */
  #held = 0
  #opened = 0

  constructor(options: OpenFilesOptions) {
    this.#fileSystem = options.fileSystem
    this.#limit = options.limit ?? LIMIT_DEFAULT
    assert.ok(this.#limit >= 1, 'at least one file must be allowed to be open')
  }

  /** Handles open now. */
  get count(): number {
    return this.#opened
  }

  /** Runs `fn` with the file open; rejects with the system error if it cannot be opened (ENOENT: it is gone). */
  async use<T>(path: string, fn: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = this.#take(path)
    try {
      return await fn(await file.opening)
    } finally {
      this.#release(file)
    }
  }

  /**
   * Renames a file that may be in use: who has it open goes on with it, and `renamed` is called in the step from which
   * on it is found under its new name alone. What went by that name before must be closed.
   */
  async rename(from: string, to: string, renamed: () => void): Promise<void> {
    const file = this.#take(from)
    try {
      await file.opening
      await this.#fileSystem.rename(from, to)
      renamed()
      if (this.#files.get(from) !== file) return
      this.#files.delete(from)
      // Opened since by a read of what went by that name before.
      const early = this.#files.get(to)
      if (early) this.#retire(early)
      file.path = to
      this.#files.set(to, file)
    } finally {
      this.#release(file)
    }
  }

  /** Closes the file once its users of this moment are done; a later `use` opens it anew. */
  async close(path: string): Promise<void> {
    const file = this.#files.get(path)
    if (file) this.#retire(file)
    await Promise.all(this.#closing.get(path) ?? new Set<Promise<void>>())
  }

  /** Gives a few descriptors up; false if no file can be spared. */
  async closeIdle(): Promise<boolean> {
    const idle = [...this.#files.values()].filter(({ users }) => users === 0)
    const spared = idle.slice(0, Math.min(GIVEN_UP_AT_ONCE, this.#opened - GIVEN_UP_AT_ONCE))
    if (this.#opened <= GIVEN_UP_AT_ONCE || spared.length === 0) return false
    await Promise.all(spared.map(({ path }) => this.close(path)))
    return true
  }

  /** Closes the files below a directory. */
  async closeUnder(directory: string): Promise<void> {
    const prefix = directory.endsWith('/') ? directory : `${directory}/`
    await this.#closeWhere((path) => path.startsWith(prefix))
  }

  async closeAll(): Promise<void> {
    await this.#closeWhere(() => true)
  }

  async #closeWhere(matches: (path: string) => boolean): Promise<void> {
    const paths = [...this.#files.keys(), ...this.#closing.keys()].filter(matches)
    await Promise.all(paths.map((path) => this.close(path)))
  }

  #take(path: string): OpenFile {
    const known = this.#files.get(path)
    if (known) {
      known.users++
      this.#files.delete(path)
      this.#files.set(path, known)
      return known
    }
    const file: OpenFile = { path, opening: this.#open(path), users: 1, retire: undefined }
    this.#files.set(path, file)
    // A file that could not be opened is forgotten at once, so that the next use tries again.
    file.opening.catch(() => {
      if (this.#files.get(path) === file) this.#files.delete(path)
    })
    return file
  }

  #release(file: OpenFile): void {
    file.users--
    if (file.users > 0) return
    if (file.retire) file.retire()
    else this.#waiting.shift()?.()
  }

  async #open(path: string): Promise<FileHandle> {
    await this.#reserve()
    for (;;) {
      try {
        const handle = await this.#fileSystem.open(path)
        this.#opened++
        return handle
      } catch (error) {
        if (!isOutOfDescriptors(error) || !(await this.#makeRoom())) {
          this.#giveBack()
          throw error
        }
      }
    }
  }

  async #reserve(): Promise<void> {
    while (this.#held >= this.#limit) {
      this.#retireIdle()
      await this.#waitForRelease()
    }
    this.#held++
  }

  /** The process has no descriptor left: gives one of ours up. False if none of ours is open. */
  async #makeRoom(): Promise<boolean> {
    if (this.#opened === 0) return false
    this.#retireIdle()
    await this.#waitForRelease()
    return true
  }

  /** Until a file is idle, or a handle was given back. */
  #waitForRelease(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #giveBack(): void {
    this.#held--
    this.#waiting.shift()?.()
  }

  #retireIdle(): boolean {
    for (const file of this.#files.values()) {
      if (file.users > 0) continue
      this.#retire(file)
      return true
    }
    return false
  }

  /** Takes the file out of use and closes it behind its last user. */
  #retire(file: OpenFile): void {
    this.#files.delete(file.path)
    const unused =
      file.users === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            file.retire = resolve
          })
    const closing = this.#closeBehind(file, unused)
    const others = this.#closing.get(file.path) ?? new Set()
    this.#closing.set(file.path, others.add(closing))
    void closing.finally(() => {
      others.delete(closing)
      if (others.size === 0) this.#closing.delete(file.path)
    })
  }

  /** Never rejects: nothing is lost with a handle whose writes were synced, or will be reported by their own sync. */
  async #closeBehind(file: OpenFile, unused: Promise<void>): Promise<void> {
    await unused
    const handle = await file.opening.catch(() => undefined)
    if (!handle) return
    await handle.close().catch(() => {})
    this.#opened--
    this.#giveBack()
  }
}

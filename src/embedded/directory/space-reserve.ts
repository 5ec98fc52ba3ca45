import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'
import { errorCode } from '../startup-error.ts'

export const RESERVE_FILE = '.reserve'
const CHUNK_BYTES = 1024 * 1024

export interface SpaceReserveOptions {
  readonly fileSystem: FileSystem
  /** Absolute path of the log directory. */
  readonly path: string
  readonly random: (sizeBytes: number) => Uint8Array
  /** `log.dir.reserve.bytes` */
  readonly reserveBytes: number
}

/**
 * Space held back in a log directory, so that on a full disk there is still room for what frees space or must not fail:
 * deletes, a start, a catalogue write. Its bytes are random, so that no file system stores them for nothing.
 */
export class SpaceReserve {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  readonly #random: (sizeBytes: number) => Uint8Array
  readonly sizeBytes: number
  #held = false
  #work: Promise<unknown> = Promise.resolve()

  constructor({ fileSystem, path: directory, random, reserveBytes }: SpaceReserveOptions) {
    this.#fileSystem = fileSystem
    this.#directory = directory
    this.#random = random
    this.sizeBytes = reserveBytes
  }

  /** Whether the whole reserve is known to be on disk. */
  get held(): boolean {
    return this.#held
  }

  /** Looks whether it was left by a process before this one. */
  find(): Promise<boolean> {
    return this.#serially(async () => {
      this.#held ||= await this.#isWhole()
      return this.#held
    })
  }

  /** Gives the space up. Harmless where there is none. */
  release(): Promise<void> {
    return this.#serially(async () => {
      this.#held = false
      await this.#remove()
    })
  }

  /** Writes it again where it is missing or short; false where the disk has no room for it. */
  restore(): Promise<boolean> {
    return this.#serially(async () => {
      if (this.#held) return true
      if (!(await this.#isWhole()) && !(await this.#write())) return false
      this.#held = true
      return true
    })
  }

  /** Runs a step that may meet a full disk; on ENOSPC (or SQLITE_FULL) gives the reserve up and tries once more. */
  async spend<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (error) {
      if (!isDiskFull(error)) throw error
      await this.release()
      return step()
    }
  }

  #serially<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#work.then(step)
    this.#work = result.catch(() => undefined)
    return result
  }

  get #path(): string {
    return path.join(this.#directory, RESERVE_FILE)
  }

  async #isWhole(): Promise<boolean> {
    try {
      return (await this.#fileSystem.stat(this.#path)).sizeBytes === this.sizeBytes
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false
      throw error
    }
  }

  async #write(): Promise<boolean> {
    try {
      const file = await this.#fileSystem.open(this.#path, { create: true })
      try {
        await file.truncate(0)
        for (let at = 0; at < this.sizeBytes; at += CHUNK_BYTES) {
          await file.write([this.#random(Math.min(CHUNK_BYTES, this.sizeBytes - at))], at)
        }
        await file.datasync()
      } finally {
        await file.close()
      }
      return true
    } catch (error) {
      if (!isDiskFull(error)) throw error
      await this.#remove()
      return false
    }
  }

  async #remove(): Promise<void> {
    try {
      await this.#fileSystem.unlink(this.#path)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }
}

export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL'
}

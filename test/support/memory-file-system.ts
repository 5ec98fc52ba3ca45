import * as path from 'node:path'
import type { CleaningFiles } from '../../src/embedded/cleaning/cleaning-files.ts'
import type { FileFacts, FileHandle, FileSystem, OpenOptions } from '../../src/embedded/file-system.ts'
import { type Call, type CallKind, MemoryCalls, systemError } from './memory-calls.ts'
import { memoryCleaningFiles } from './memory-cleaning-files.ts'
import { directoryAt, entryAt, fileAt, MemoryDirectory } from './memory-directory.ts'
import type { FailedCall, Fault } from './memory-faults.ts'
import { MemoryFile, type Persist } from './memory-file.ts'

export type { Call, CallKind } from './memory-calls.ts'
export type { Fault } from './memory-faults.ts'
export type { Persist } from './memory-file.ts'

export interface MemoryFileSystemOptions {
  readonly totalBytes?: number
  /** `datasync`, `writeDurably` and `syncDirectory` answer without making anything durable. */
  readonly syncLies?: boolean
}

/**
 * A disk in memory that knows what is durable. `crash` gives the disk as a power cut leaves it: what was synced, and of
 * the rest nothing, all, or a random choice of writes in random order, torn at sectors. Directory entries that were not
 * synced are lost or kept in the same way; renames wholly, and none without those before it.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #calls = new MemoryCalls()
  syncLies: boolean
  /** Durable writes are answered some calls before they are durable: an acknowledgement that comes too early. */
  syncsLateByCalls = 0
  totalBytes: number
  #root = new MemoryDirectory()
  constructor(options: MemoryFileSystemOptions = {}) {
    this.totalBytes = options.totalBytes ?? 1024 * 1024 * 1024 * 1024
    this.syncLies = options.syncLies ?? false
  }

  /** By kind, how many calls there were. */
  get calls(): ReadonlyMap<CallKind, number> {
    return this.#calls.counts
  }

  /** Turns of the event loop that a call takes; one where this says nothing. */
  set slowness(turns: ((kind: CallKind, path: string) => number) | undefined) {
    this.#calls.slowness = turns
  }

  /** When a call takes effect, in place of `slowness`. */
  set pace(begins: (kind: CallKind, path: string) => Promise<void>) {
    this.#calls.pace = begins
  }

  /** Told of each call as it takes effect or fails. */
  set observe(observer: (call: Call) => void) {
    this.#calls.observe = observer
  }

  fail(fault: Fault): void {
    this.#calls.fail(fault)
  }

  healFaults(): void {
    this.#calls.heal()
  }

  /** Every fault was met. */
  get faultsSpent(): boolean {
    return this.#calls.faultsSpent
  }

  /** What met a fault, in order. */
  get failedCalls(): readonly FailedCall[] {
    return this.#calls.failed
  }

  /** Changes a file behind the back of whoever has it open: rot, or the work of an earlier run. Durable. */
  alter(filePath: string, change: (bytes: Buffer) => Buffer): void {
    const file = this.#file(filePath)
    file.replace(Buffer.from(change(file.bytes)))
  }

  contentOf(filePath: string): Buffer {
    return this.#file(filePath).bytes
  }

  /**
   * The process is killed, the machine goes on: the next process finds every write, synced or not. Whoever still holds
   * this file system gets EIO from now on.
   */
  kill(): MemoryFileSystem {
    return this.#succeededBy(this.#root)
  }

  /** Whoever still holds this file system gets EIO from now on. */
  crash(persist: Persist, random: () => number = () => 0): MemoryFileSystem {
    return this.#succeededBy(this.#root.survivor(persist, random))
  }

  #succeededBy(root: MemoryDirectory): MemoryFileSystem {
    this.#calls.dead = true
    const survivor = new MemoryFileSystem({ totalBytes: this.totalBytes, syncLies: this.syncLies })
    survivor.#root = root
    return survivor
  }

  /** The same content, all of it durable, on a disk of its own. */
  copy(): MemoryFileSystem {
    const copy = new MemoryFileSystem({ totalBytes: this.totalBytes })
    copy.#root = this.#root.survivor('all', () => 0)
    return copy
  }

  async open(filePath: string, options: OpenOptions = {}): Promise<FileHandle> {
    await this.#calls.call('open', filePath)
    const parent = this.#directory(path.dirname(filePath))
    const name = path.basename(filePath)
    let entry = parent.entries.get(name)
    if (entry && options.exclusive) throw systemError('EEXIST', filePath)
    if (!entry) {
      if (!options.create) throw systemError('ENOENT', filePath)
      entry = new MemoryFile()
      parent.entries.set(name, entry)
    }
    if (entry instanceof MemoryDirectory) throw systemError('EISDIR', filePath)
    return this.#handle(filePath, entry)
  }

  async mkdir(directory: string): Promise<void> {
    await this.#calls.call('mkdir', directory)
    const parent = this.#directory(path.dirname(directory))
    if (parent.entries.has(path.basename(directory))) throw systemError('EEXIST', directory)
    parent.entries.set(path.basename(directory), new MemoryDirectory())
  }

  async readdir(directory: string): Promise<string[]> {
    await this.#calls.call('readdir', directory)
    return [...this.#directory(directory).entries.keys()]
  }

  async stat(anyPath: string): Promise<FileFacts> {
    await this.#calls.call('stat', anyPath)
    const entry = entryAt(this.#root, anyPath)
    if (entry instanceof MemoryDirectory) return { sizeBytes: 0, modifiedMs: 0, directory: true }
    return { sizeBytes: entry.size, modifiedMs: entry.modifiedMs, directory: false }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#calls.call('rename', from)
    const entry = entryAt(this.#root, from)
    const parent = this.#directory(path.dirname(from))
    parent.entries.delete(path.basename(from))
    this.#directory(path.dirname(to)).entries.set(path.basename(to), entry)
    if (path.dirname(from) === path.dirname(to)) parent.renamed(path.basename(from), path.basename(to), entry)
  }

  async unlink(filePath: string): Promise<void> {
    await this.#calls.call('unlink', filePath)
    this.#file(filePath)
    this.#directory(path.dirname(filePath)).entries.delete(path.basename(filePath))
  }

  async removeTree(directory: string): Promise<void> {
    await this.#calls.call('removeTree', directory)
    this.#directory(path.dirname(directory)).entries.delete(path.basename(directory))
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#calls.call('syncDirectory', directory)
    if (!this.syncLies) this.#directory(directory).sync()
  }

  async space(): Promise<{ totalBytes: number; freeBytes: number }> {
    return { totalBytes: this.totalBytes, freeBytes: this.#freeBytes }
  }

  /** Puts a file in place whole and durable, or not at all: what a database's transaction does. */
  async replaceDurably(filePath: string, bytes: Buffer): Promise<void> {
    await this.#calls.call('transaction', filePath, { buffers: [bytes] })
    const parent = this.#directory(path.dirname(filePath))
    const file = new MemoryFile()
    file.replace(bytes)
    parent.putDurably(path.basename(filePath), file)
    // Whoever asked may never come to know that it was done.
    await this.#calls.wait('transaction', filePath)
  }

  #handle(filePath: string, file: MemoryFile): FileHandle {
    const write = (buffers: readonly Uint8Array[], position: number): (() => void) => {
      const bytes = Buffer.concat(buffers)
      this.#takeSpace(file, position + bytes.length)
      file.write(position, bytes)
      return file.newestSync
    }
    return {
      read: async (position, length) => {
        await this.#calls.call('read', filePath, { position })
        return file.read(position, length)
      },
      write: async (buffers, position) => {
        await this.#calls.call('write', filePath, { position, buffers })
        write(buffers, position)
      },
      writeDurably: async (buffers, position) => {
        try {
          await this.#calls.call('writeDurably', filePath, { position, buffers })
        } catch (error) {
          if (this.#lostSync(error)) file.writeInVain(position, Buffer.concat(buffers))
          throw error
        }
        const sync = write(buffers, position)
        if (this.syncsLateByCalls > 0) return this.#calls.settleLater(this.syncsLateByCalls, sync)
        // The write may be torn by a power cut that comes before the sync is through.
        await this.#calls.wait('writeDurably', filePath)
        if (!this.syncLies) sync()
      },
      datasync: async () => {
        try {
          await this.#calls.call('datasync', filePath)
        } catch (error) {
          if (this.#lostSync(error)) file.syncFailed()
          throw error
        }
        if (this.syncsLateByCalls > 0) return this.#calls.settleLater(this.syncsLateByCalls, () => file.sync())
        if (!this.syncLies) file.sync()
      },
      truncate: async (sizeBytes) => {
        await this.#calls.call('truncate', filePath, { position: sizeBytes })
        this.#takeSpace(file, sizeBytes)
        file.truncate(sizeBytes)
      },
      size: async () => file.size,
      close: async () => {},
    }
  }

  /** The kernel has told of a failed write-back, once, and takes the pages for clean. Calls of a dead process do nothing. */
  #lostSync(error: unknown): boolean {
    return !this.#calls.dead && error instanceof Error && 'code' in error && error.code === 'EIO'
  }

  /** The disk as the cleaning thread sees it. */
  get cleaningFiles(): CleaningFiles {
    const put = (filePath: string, file: MemoryFile): void => {
      this.#directory(path.dirname(filePath)).entries.set(path.basename(filePath), file)
    }
    return memoryCleaningFiles({
      calls: this.#calls,
      syncLies: this.syncLies,
      freeBytes: this.#freeBytes,
      file: (filePath) => this.#file(filePath),
      put,
      remove: (filePath) => this.#directory(path.dirname(filePath)).entries.delete(path.basename(filePath)),
      takeSpace: (file, end) => this.#takeSpace(file, end),
    })
  }

  get #freeBytes(): number {
    return Math.max(0, this.totalBytes - this.#root.usedBytes)
  }

  #takeSpace(file: MemoryFile, end: number): void {
    if (end > file.size && end - file.size > this.#freeBytes) throw systemError('ENOSPC', 'full')
  }

  #directory(directory: string): MemoryDirectory {
    return directoryAt(this.#root, directory)
  }

  #file(filePath: string): MemoryFile {
    return fileAt(this.#root, filePath)
  }
}

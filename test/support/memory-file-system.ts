import * as path from 'node:path'
import type { FileFacts, FileHandle, FileSystem, OpenOptions } from '../../src/embedded/file-system.ts'

const SECTOR_BYTES = 512

/** What of the unsynced writes a power cut leaves behind. */
export type Persist = 'none' | 'all' | 'random'

export type CallKind =
  | 'open'
  | 'read'
  | 'write'
  | 'writeDurably'
  | 'datasync'
  | 'truncate'
  | 'mkdir'
  | 'readdir'
  | 'stat'
  | 'rename'
  | 'unlink'
  | 'removeTree'
  | 'syncDirectory'

export interface Fault {
  /** Calls of these kinds count; all but reads if left out. */
  readonly kinds?: readonly CallKind[]
  /** Only calls on paths that contain this. */
  readonly pathContains?: string
  /** The call that fails, 1 = the next that counts. */
  readonly nth: number
  readonly code: 'EIO' | 'ENOSPC' | 'EMFILE' | 'EACCES' | 'ENOENT'
  /** Every later call that counts fails as well. */
  readonly sticky?: boolean
}

interface UnsyncedWrite {
  readonly position: number
  readonly bytes: Buffer
}

class MemoryFile {
  content: Buffer = Buffer.alloc(0)
  /** What a power cut leaves at least: its own file, never written to but by a sync. */
  durable: MemoryFile | undefined
  size = 0
  /** Writes since the last sync; undefined stands for a truncation. */
  unsynced: (UnsyncedWrite | number)[] = []
  modifiedMs = 0

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    if (end > this.content.length) {
      const grown = Buffer.alloc(Math.max(end, this.content.length * 2))
      this.content.copy(grown)
      this.content = grown
    }
    this.content.set(bytes, position)
    this.size = Math.max(this.size, end)
  }

  truncate(size: number): void {
    if (size > this.size) this.write(size - 1, Buffer.alloc(1))
    else this.content.fill(0, size, this.size)
    this.size = size
  }

  get bytes(): Buffer {
    return this.content.subarray(0, this.size)
  }

  /** As O_DSYNC does: this write is durable, what was written before it no more than it was. */
  syncNewest(): void {
    const newest = this.unsynced.pop()
    if (newest === undefined || typeof newest === 'number') return
    this.durable ??= new MemoryFile()
    this.durable.write(newest.position, newest.bytes)
  }

  sync(): void {
    this.durable ??= new MemoryFile()
    for (const write of this.unsynced) {
      if (typeof write === 'number') this.durable.truncate(write)
      else this.durable.write(write.position, write.bytes)
    }
    this.unsynced = []
  }
}

class Directory {
  entries = new Map<string, MemoryFile | Directory>()
  synced = new Map<string, MemoryFile | Directory>()
  /** Within the directory, since its last sync, oldest first. */
  renames: Rename[] = []
}

interface Rename {
  readonly from: string
  readonly to: string
  readonly entry: MemoryFile | Directory
}

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
  readonly calls = new Map<CallKind, number>()
  syncLies: boolean
  totalBytes: number
  #root = new Directory()
  /** Turns of the event loop that a call takes; one where this says nothing. */
  slowness: ((kind: CallKind, path: string) => number) | undefined
  #faults: (Fault & { seen: number })[] = []
  #dead = false

  constructor(options: MemoryFileSystemOptions = {}) {
    this.totalBytes = options.totalBytes ?? 1024 * 1024 * 1024 * 1024
    this.syncLies = options.syncLies ?? false
  }

  fail(fault: Fault): void {
    this.#faults.push({ ...fault, seen: 0 })
  }

  healFaults(): void {
    this.#faults = []
  }

  /** Every fault was met. */
  get faultsSpent(): boolean {
    return this.#faults.every((fault) => fault.seen >= fault.nth)
  }

  /** Changes a file behind the back of whoever has it open: rot, or the work of an earlier run. Durable. */
  alter(filePath: string, change: (bytes: Buffer) => Buffer): void {
    const file = this.#file(filePath)
    const changed = change(Buffer.from(file.bytes))
    file.truncate(0)
    file.write(0, changed)
    file.unsynced = [0, { position: 0, bytes: Buffer.from(changed) }]
    file.sync()
  }

  contentOf(filePath: string): Buffer {
    return Buffer.from(this.#file(filePath).bytes)
  }

  /**
   * The process is killed, the machine goes on: the next process finds every write, synced or not. Whoever still holds
   * this file system gets EIO from now on.
   */
  kill(): MemoryFileSystem {
    this.#dead = true
    const survivor = new MemoryFileSystem({ totalBytes: this.totalBytes, syncLies: this.syncLies })
    survivor.#root = this.#root
    return survivor
  }

  /** Whoever still holds this file system gets EIO from now on. */
  crash(persist: Persist, random: () => number = () => 0): MemoryFileSystem {
    this.#dead = true
    const survivor = new MemoryFileSystem({ totalBytes: this.totalBytes, syncLies: this.syncLies })
    survivor.#root = survive(this.#root, persist, random)
    return survivor
  }

  async open(filePath: string, options: OpenOptions = {}): Promise<FileHandle> {
    await this.#call('open', filePath)
    const parent = this.#directory(path.dirname(filePath))
    const name = path.basename(filePath)
    let entry = parent.entries.get(name)
    if (entry && options.exclusive) throw systemError('EEXIST', filePath)
    if (!entry) {
      if (!options.create) throw systemError('ENOENT', filePath)
      entry = new MemoryFile()
      parent.entries.set(name, entry)
    }
    if (entry instanceof Directory) throw systemError('EISDIR', filePath)
    return this.#handle(filePath, entry)
  }

  async mkdir(directory: string): Promise<void> {
    await this.#call('mkdir', directory)
    const parent = this.#directory(path.dirname(directory))
    if (parent.entries.has(path.basename(directory))) throw systemError('EEXIST', directory)
    parent.entries.set(path.basename(directory), new Directory())
  }

  async readdir(directory: string): Promise<string[]> {
    await this.#call('readdir', directory)
    return [...this.#directory(directory).entries.keys()]
  }

  async stat(anyPath: string): Promise<FileFacts> {
    await this.#call('stat', anyPath)
    const entry = this.#entry(anyPath)
    if (entry instanceof Directory) return { sizeBytes: 0, modifiedMs: 0, directory: true }
    return { sizeBytes: entry.size, modifiedMs: entry.modifiedMs, directory: false }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call('rename', from)
    const entry = this.#entry(from)
    const parent = this.#directory(path.dirname(from))
    parent.entries.delete(path.basename(from))
    this.#directory(path.dirname(to)).entries.set(path.basename(to), entry)
    if (path.dirname(from) === path.dirname(to)) {
      parent.renames.push({ from: path.basename(from), to: path.basename(to), entry })
    }
  }

  async unlink(filePath: string): Promise<void> {
    await this.#call('unlink', filePath)
    this.#file(filePath)
    this.#directory(path.dirname(filePath)).entries.delete(path.basename(filePath))
  }

  async removeTree(directory: string): Promise<void> {
    await this.#call('removeTree', directory)
    this.#directory(path.dirname(directory)).entries.delete(path.basename(directory))
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#call('syncDirectory', directory)
    if (this.syncLies) return
    const found = this.#directory(directory)
    found.synced = new Map(found.entries)
    found.renames = []
  }

  async space(): Promise<{ totalBytes: number; freeBytes: number }> {
    return { totalBytes: this.totalBytes, freeBytes: Math.max(0, this.totalBytes - usedBytes(this.#root)) }
  }

  #handle(filePath: string, file: MemoryFile): FileHandle {
    const write = (buffers: readonly Uint8Array[], position: number): void => {
      const bytes = Buffer.concat(buffers)
      this.#takeSpace(file, position + bytes.length)
      file.write(position, bytes)
      file.unsynced.push({ position, bytes })
    }
    const sync = (): void => {
      if (this.syncLies) return
      file.sync()
    }
    return {
      read: async (position, length) => {
        await this.#call('read', filePath)
        const read = file.bytes.subarray(position, position + length)
        const own = Buffer.allocUnsafeSlow(read.length)
        own.set(read)
        return own
      },
      write: async (buffers, position) => {
        await this.#call('write', filePath)
        write(buffers, position)
      },
      writeDurably: async (buffers, position) => {
        await this.#call('writeDurably', filePath)
        write(buffers, position)
        // The write may be torn by a power cut that comes before the sync is through.
        await breathe()
        if (this.#dead) throw systemError('EIO', filePath)
        if (!this.syncLies) file.syncNewest()
      },
      datasync: async () => {
        await this.#call('datasync', filePath)
        sync()
      },
      truncate: async (sizeBytes) => {
        await this.#call('truncate', filePath)
        this.#takeSpace(file, sizeBytes)
        file.truncate(sizeBytes)
        file.unsynced.push(sizeBytes)
      },
      size: async () => file.size,
      close: async () => {},
    }
  }

  #takeSpace(file: MemoryFile, end: number): void {
    const more = end - file.size
    if (more > 0 && usedBytes(this.#root) + more > this.totalBytes) throw systemError('ENOSPC', 'full')
  }

  /** Every call takes effect some turns of the event loop later, as on a disk, and may fail. */
  async #call(kind: CallKind, anyPath: string): Promise<void> {
    for (let turns = this.slowness?.(kind, anyPath) ?? 1; turns > 0; turns--) await breathe()
    if (this.#dead) throw systemError('EIO', anyPath)
    this.calls.set(kind, (this.calls.get(kind) ?? 0) + 1)
    for (const fault of this.#faults) {
      if (fault.kinds ? !fault.kinds.includes(kind) : kind === 'read' || kind === 'stat' || kind === 'readdir') continue
      if (fault.pathContains !== undefined && !anyPath.includes(fault.pathContains)) continue
      fault.seen++
      if (fault.seen === fault.nth || (fault.sticky && fault.seen > fault.nth)) throw systemError(fault.code, anyPath)
    }
  }

  #entry(anyPath: string): MemoryFile | Directory {
    let entry: MemoryFile | Directory | undefined = this.#root
    for (const name of anyPath.split('/').filter((part) => part !== '')) {
      if (!(entry instanceof Directory)) throw systemError('ENOTDIR', anyPath)
      entry = entry.entries.get(name)
      if (!entry) throw systemError('ENOENT', anyPath)
    }
    return entry
  }

  #directory(directory: string): Directory {
    const entry = this.#entry(directory)
    if (!(entry instanceof Directory)) throw systemError('ENOTDIR', directory)
    return entry
  }

  #file(filePath: string): MemoryFile {
    const entry = this.#entry(filePath)
    if (entry instanceof Directory) throw systemError('EISDIR', filePath)
    return entry
  }
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function usedBytes(directory: Directory): number {
  let sum = 0
  for (const entry of directory.entries.values()) sum += entry instanceof Directory ? usedBytes(entry) : entry.size
  return sum
}

function systemError(code: string, where: string): Error {
  return Object.assign(new Error(`${code}: ${where}`), { code })
}

function survive(directory: Directory, persist: Persist, random: () => number): Directory {
  const survivor = new Directory()
  const renamed = surviveRenames(directory, persist, random)
  const names = new Set([...renamed.keys(), ...directory.entries.keys()])
  const moved = new Set(directory.renames.flatMap(({ from, to }) => [from, to]))
  for (const name of names) {
    const before = renamed.get(name)
    const now = moved.has(name) && persist === 'random' ? before : directory.entries.get(name)
    const kept = now === before ? now : persist === 'all' || (persist === 'random' && random() < 0.5) ? now : before
    if (kept instanceof Directory) survivor.entries.set(name, survive(kept, persist, random))
    else if (kept) survivor.entries.set(name, surviveFile(kept, persist, random))
  }
  survivor.synced = new Map(survivor.entries)
  return survivor
}

function surviveRenames({ synced, renames }: Directory, persist: Persist, random: () => number): Directory['synced'] {
  const entries = new Map(synced)
  const count =
    persist === 'none' ? 0 : persist === 'all' ? renames.length : Math.floor(random() * (renames.length + 1))
  for (const { from, to, entry } of renames.slice(0, count)) {
    entries.delete(from)
    entries.set(to, entry)
  }
  return entries
}

function surviveFile(file: MemoryFile, persist: Persist, random: () => number): MemoryFile {
  const survivor = new MemoryFile()
  if (file.durable) survivor.write(0, file.durable.bytes)
  const writes = persist === 'none' ? [] : persist === 'all' ? file.unsynced : shuffled(file.unsynced, random)
  for (const write of writes) {
    if (typeof write === 'number') survivor.truncate(write)
    else if (persist === 'all') survivor.write(write.position, write.bytes)
    else tear(survivor, write, random)
  }
  survivor.durable = new MemoryFile()
  survivor.durable.write(0, survivor.bytes)
  return survivor
}

/** Each sector of the write lands or does not. */
function tear(file: MemoryFile, write: UnsyncedWrite, random: () => number): void {
  const share = random()
  for (let at = 0; at < write.bytes.length;) {
    const end = Math.min(write.bytes.length, at + SECTOR_BYTES - ((write.position + at) % SECTOR_BYTES))
    if (random() < share) file.write(write.position + at, write.bytes.subarray(at, end))
    at = end
  }
}

/** A random choice in random order. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const chosen = items.filter(() => random() < 0.7)
  for (let at = chosen.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const one = chosen[at]
    const two = chosen[other]
    if (one === undefined || two === undefined) continue
    chosen[at] = two
    chosen[other] = one
  }
  return chosen
}

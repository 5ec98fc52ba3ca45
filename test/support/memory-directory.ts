import { systemError } from './memory-calls.ts'
import type { MemoryFile, Persist } from './memory-file.ts'

export type MemoryEntry = MemoryFile | MemoryDirectory

interface Rename {
  readonly from: string
  readonly to: string
  readonly entry: MemoryEntry
}

/** A directory that keeps the entries that are durable apart from those that are only there. */
export class MemoryDirectory {
  readonly entries = new Map<string, MemoryEntry>()
  #synced = new Map<string, MemoryEntry>()
  /** Within the directory, since its last sync, oldest first. */
  #renames: Rename[] = []

  renamed(from: string, to: string, entry: MemoryEntry): void {
    this.#renames.push({ from, to, entry })
  }

  sync(): void {
    this.#synced = new Map(this.entries)
    this.#renames = []
  }

  /** An entry that is there after any power cut, whatever was synced. */
  putDurably(name: string, entry: MemoryEntry): void {
    this.entries.set(name, entry)
    this.#synced.set(name, entry)
  }

  get usedBytes(): number {
    let sum = 0
    for (const entry of this.entries.values()) sum += entry instanceof MemoryDirectory ? entry.usedBytes : entry.size
    return sum
  }

  /** With all below it, as a power cut leaves it; renames wholly, and none without those before it. */
  survivor(persist: Persist, random: () => number): MemoryDirectory {
    const survivor = new MemoryDirectory()
    const renamed = this.#surviveRenames(persist, random)
    const names = new Set([...renamed.keys(), ...this.entries.keys()])
    const moved = new Set(this.#renames.flatMap(({ from, to }) => [from, to]))
    for (const name of names) {
      const before = renamed.get(name)
      const now = moved.has(name) && persist === 'random' ? before : this.entries.get(name)
      const kept = now === before ? now : persist === 'all' || (persist === 'random' && random() < 0.5) ? now : before
      if (kept) survivor.entries.set(name, kept.survivor(persist, random))
    }
    survivor.sync()
    return survivor
  }

  #surviveRenames(persist: Persist, random: () => number): Map<string, MemoryEntry> {
    const entries = new Map(this.#synced)
    const renames = this.#renames
    const count =
      persist === 'none' ? 0 : persist === 'all' ? renames.length : Math.floor(random() * (renames.length + 1))
    for (const { from, to, entry } of renames.slice(0, count)) {
      entries.delete(from)
      entries.set(to, entry)
    }
    return entries
  }
}

/** What lies at a path below the root. Throws ENOENT, or ENOTDIR. */
export function entryAt(root: MemoryDirectory, path: string): MemoryEntry {
  let entry: MemoryEntry | undefined = root
  for (const name of path.split('/')) {
    if (name === '') continue
    if (!(entry instanceof MemoryDirectory)) throw systemError('ENOTDIR', path)
    entry = entry.entries.get(name)
    if (!entry) throw systemError('ENOENT', path)
  }
  return entry
}

export function directoryAt(root: MemoryDirectory, path: string): MemoryDirectory {
  const entry = entryAt(root, path)
  if (!(entry instanceof MemoryDirectory)) throw systemError('ENOTDIR', path)
  return entry
}

export function fileAt(root: MemoryDirectory, path: string): MemoryFile {
  const entry = entryAt(root, path)
  if (entry instanceof MemoryDirectory) throw systemError('EISDIR', path)
  return entry
}

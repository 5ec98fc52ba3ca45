import type { LedgerEntry } from './ledger-entry.ts'

interface RecentEntry {
  readonly offset: number
  readonly entry: LedgerEntry
  readonly sizeBytes: number
}

/** About what an entry takes beside what was written of it. */
const OVERHEAD_BYTES = 400

/** Entries used last, so that they need not be read again. */
export class RecentEntries {
  readonly #maxBytes: number
  /** The one used last at the end. */
  readonly #entries = new Map<string, RecentEntry>()
  #sizeBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  find(name: string, offset: number): LedgerEntry | undefined {
    const found = this.#entries.get(name)
    if (found?.offset !== offset) return undefined
    this.#entries.delete(name)
    this.#entries.set(name, found)
    return found.entry
  }

  /** @param writtenBytes how long what was written of it is */
  put(name: string, offset: number, entry: LedgerEntry, writtenBytes: number): void {
    this.#remove(name)
    const sizeBytes = OVERHEAD_BYTES + name.length + 3 * writtenBytes
    this.#entries.set(name, { offset, entry, sizeBytes })
    this.#sizeBytes += sizeBytes
    for (const oldest of this.#entries.keys()) {
      if (this.#sizeBytes <= this.#maxBytes) return
      this.#remove(oldest)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#sizeBytes = 0
  }

  #remove(name: string): void {
    this.#sizeBytes -= this.#entries.get(name)?.sizeBytes ?? 0
    this.#entries.delete(name)
  }
}

import { PagedBytes } from './paged-bytes.ts'

const SECTOR_BYTES = 512

/** What of the unsynced writes a power cut leaves behind. */
export type Persist = 'none' | 'all' | 'random'

interface UnsyncedWrite {
  readonly position: number
  readonly bytes: Buffer
}

/** A file that keeps what is durable apart from what was only written. */
export class MemoryFile {
  #content = new PagedBytes()
  /** What a power cut leaves at least. */
  #durable = new PagedBytes()
  /** Writes since the last sync; a number stands for a truncation. */
  #unsynced: (UnsyncedWrite | number)[] = []
  modifiedMs = 0

  get size(): number {
    return this.#content.size
  }

  get bytes(): Buffer {
    return this.#content.read(0, this.size)
  }

  /** At most so many, in memory of their own. */
  read(position: number, length: number): Buffer {
    return this.#content.read(position, length)
  }

  /** Not durable by itself. The bytes must not change afterwards. */
  write(position: number, bytes: Buffer): void {
    this.#content.write(position, bytes)
    this.#unsynced.push({ position, bytes })
  }

  truncate(size: number): void {
    this.#content.truncate(size)
    this.#unsynced.push(size)
  }

  /** How to make the newest write durable, as O_DSYNC does: what was written before it no more than it was. */
  get newestSync(): () => void {
    const newest = this.#unsynced.at(-1)
    return () => {
      const at = newest === undefined ? -1 : this.#unsynced.indexOf(newest)
      if (at < 0 || newest === undefined || typeof newest === 'number') return
      this.#unsynced.splice(at, 1)
      this.#durable.write(newest.position, newest.bytes)
      // Of what was written there before, the cache holds nothing any more that could come to the disk later.
      for (let older = 0; older < at; older++) {
        const write = this.#unsynced[older]
        if (typeof write === 'object') this.#unsynced[older] = overwritten(write, newest)
      }
    }
  }

  /**
   * A sync failed. As in a page cache, what was written counts as clean from then on: it is read, a killed process's
   * successor reads it too, and no later sync writes it.
   */
  syncFailed(): void {
    this.#unsynced = this.#unsynced.filter((write) => typeof write === 'number')
  }

  /** A write that is read from now on, and that no sync will make durable. */
  writeInVain(position: number, bytes: Buffer): void {
    this.#content.write(position, bytes)
  }

  sync(): void {
    for (const write of this.#unsynced) {
      if (typeof write === 'number') this.#durable.truncate(write)
      else this.#durable.write(write.position, write.bytes)
    }
    this.#unsynced = []
  }

  /** Replaces the content, durably. */
  replace(bytes: Buffer): void {
    this.truncate(0)
    this.write(0, bytes)
    this.sync()
  }

  /** The file as a power cut leaves it: what was synced, and of the rest nothing, all, or a choice torn at sectors. */
  survivor(persist: Persist, random: () => number): MemoryFile {
    const survivor = new MemoryFile()
    const content = this.#durable.copy()
    const writes = persist === 'none' ? [] : persist === 'all' ? this.#unsynced : shuffled(this.#unsynced, random)
    for (const write of writes) {
      if (typeof write === 'number') content.truncate(write)
      else if (persist === 'all') content.write(write.position, write.bytes)
      else tear(content, write, random)
    }
    survivor.modifiedMs = this.modifiedMs
    survivor.#content = content
    survivor.#durable = content.copy()
    return survivor
  }
}

function overwritten(write: UnsyncedWrite, { position, bytes }: UnsyncedWrite): UnsyncedWrite {
  const from = Math.max(position, write.position)
  const to = Math.min(position + bytes.length, write.position + write.bytes.length)
  if (from >= to) return write
  const patched = Buffer.from(write.bytes)
  patched.set(bytes.subarray(from - position, to - position), from - write.position)
  return { position: write.position, bytes: patched }
}

/** Each sector of the write lands or does not. */
function tear(content: PagedBytes, write: UnsyncedWrite, random: () => number): void {
  const share = random()
  for (let at = 0; at < write.bytes.length;) {
    const end = Math.min(write.bytes.length, at + SECTOR_BYTES - ((write.position + at) % SECTOR_BYTES))
    if (random() < share) content.write(write.position + at, write.bytes.subarray(at, end))
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

const SECTOR_BYTES = 512

/** What of the unsynced writes a power cut leaves behind. */
export type Persist = 'none' | 'all' | 'random'

interface UnsyncedWrite {
  readonly position: number
  readonly bytes: Buffer
}

/** A file that keeps what is durable apart from what was only written. */
export class MemoryFile {
  #content: Buffer = Buffer.alloc(0)
  /** What a power cut leaves at least: its own file, never written to but by a sync. */
  #durable: MemoryFile | undefined
  size = 0
  /** Writes since the last sync; a number stands for a truncation. */
  #unsynced: (UnsyncedWrite | number)[] = []
  modifiedMs = 0

  get bytes(): Buffer {
    return this.#content.subarray(0, this.size)
  }

  /** Not durable by itself. The bytes must not change afterwards. */
  write(position: number, bytes: Buffer): void {
    this.#put(position, bytes)
    this.#unsynced.push({ position, bytes })
  }

  truncate(size: number): void {
    this.#cut(size)
    this.#unsynced.push(size)
  }

  /** How to make the newest write durable, as O_DSYNC does: what was written before it no more than it was. */
  get newestSync(): () => void {
    const newest = this.#unsynced.at(-1)
    return () => {
      const at = newest === undefined ? -1 : this.#unsynced.indexOf(newest)
      if (at < 0 || newest === undefined || typeof newest === 'number') return
      this.#unsynced.splice(at, 1)
      this.#durable ??= new MemoryFile()
      this.#durable.#put(newest.position, newest.bytes)
    }
  }

  sync(): void {
    this.#durable ??= new MemoryFile()
    for (const write of this.#unsynced) {
      if (typeof write === 'number') this.#durable.#cut(write)
      else this.#durable.#put(write.position, write.bytes)
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
    const survivor = this.#durable ? this.#durable.#copy() : new MemoryFile()
    survivor.modifiedMs = this.modifiedMs
    const writes = persist === 'none' ? [] : persist === 'all' ? this.#unsynced : shuffled(this.#unsynced, random)
    for (const write of writes) {
      if (typeof write === 'number') survivor.#cut(write)
      else if (persist === 'all') survivor.#put(write.position, write.bytes)
      else survivor.#tear(write, random)
    }
    survivor.#durable = survivor.#copy()
    return survivor
  }

  #copy(): MemoryFile {
    const copy = new MemoryFile()
    copy.#content = Buffer.from(this.bytes)
    copy.size = this.size
    return copy
  }

  #put(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    if (end > this.#content.length) {
      const grown = Buffer.alloc(Math.max(end, this.#content.length * 2))
      this.#content.copy(grown)
      this.#content = grown
    }
    this.#content.set(bytes, position)
    this.size = Math.max(this.size, end)
  }

  #cut(size: number): void {
    if (size > this.size) this.#put(size - 1, Buffer.alloc(1))
    else this.#content.fill(0, size, this.size)
    this.size = size
  }

  /** Each sector of the write lands or does not. */
  #tear(write: UnsyncedWrite, random: () => number): void {
    const share = random()
    for (let at = 0; at < write.bytes.length;) {
      const end = Math.min(write.bytes.length, at + SECTOR_BYTES - ((write.position + at) % SECTOR_BYTES))
      if (random() < share) this.#put(write.position + at, write.bytes.subarray(at, end))
      at = end
    }
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

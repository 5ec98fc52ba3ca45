import type { Logger } from '../../broker/logger.ts'
import type { Section } from '../commit/frame.ts'
import { producersFileSection, type ProducersFileMark } from '../commit/producers-file-section.ts'
import { PRODUCERS_SECTION_OVERHEAD_BYTES } from '../commit/producers-section.ts'
import type { FileSystem } from '../file-system.ts'
import { isDiskFull } from '../log/storage-failure.ts'
import { ProducersFile } from './producers-file.ts'
import { readRequestFacts, requestFactsBytes, writeRequestFacts } from './request-facts-codec.ts'
import type { RequestFacts } from './request-facts.ts'

/** Below this a file is not written anew. */
const REPLACED_MIN_BYTES = 4 * 1024 * 1024
/** More than this is not kept in memory for the next checkpoint: it then writes all that is remembered. */
const PENDING_MAX_BYTES = 16 * 1024 * 1024
const PIECE_BYTES = 256 * 1024

/** Whoever remembers requests, as one log directory sees it. */
export interface FactsMemory {
  /** Found by a start; in any order, and perhaps more than once. */
  load(facts: RequestFacts): void
  /** All that is remembered of parts in the directory. */
  live(): Iterable<RequestFacts>
  /** Facts that were lost so long ago no longer matter. */
  readonly keptMs: number
}

export interface RecoveredFacts {
  /** What the last checkpoint counted on. */
  readonly mark: ProducersFileMark | undefined
  /** Of the rounds behind it. */
  readonly rounds: readonly Buffer[]
  /** Rounds are missing that may have had facts. */
  readonly isDamaged: boolean
  readonly nowMs: number
}

export interface DirectoryFactsOptions {
  readonly fileSystem: FileSystem
  readonly path: string
  readonly logger: Logger
  readonly memory: FactsMemory
  /** The file is written anew at twice the size that it had when that was done last, and not below this. */
  readonly replacedMinBytes?: number
}

/** A checkpoint's share of the facts, taken when its round was. */
export interface CapturedFacts {
  /** Resolves when they are durable, with what the checkpoint's frame has to say; undefined where there are none. */
  store(): Promise<Section | undefined>
}

/**
 * The facts of one log directory on their way from the journal's frames to the `producers` file: those of all rounds
 * that a checkpoint covers are in the file, durably, before its frame is written.
 */
export class DirectoryFacts {
  readonly #options: DirectoryFactsOptions
  readonly #file: ProducersFile
  /** Committed, and not in the file. */
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** The file lacks facts that are remembered, and that are not pending: it has to be written anew. */
  #isIncomplete = false
  #lostMs = 0

  constructor(options: DirectoryFactsOptions) {
    this.#options = options
    this.#file = new ProducersFile(options.fileSystem, options.path)
  }

  /** Requests that came until then may not be known again; 0 = all are. */
  get lostMs(): number {
    return this.#lostMs
  }

  /** Reads the file, then the rounds behind it. What the journal's buffers hold is copied. */
  async recover({ mark, rounds, isDamaged, nowMs }: RecoveredFacts): Promise<void> {
    const { logger, path, memory } = this.#options
    let readable = true
    const load = (bytes: Buffer): void => {
      readable = this.#load(bytes) && readable
    }
    const isWhole = await this.#file.load(mark, load)
    for (const bytes of rounds) {
      load(bytes)
      this.#add(Buffer.from(bytes))
    }
    const known = this.#file.exists || mark !== undefined || rounds.length > 0
    const isLost = !isWhole || !readable || (isDamaged && known)
    if (isLost) {
      logger.error({ directory: path }, 'facts of published requests are lost: repeats of them may not be known again')
      this.#lostMs = nowMs
      this.#isIncomplete = true
    } else if (this.#file.lostMs + memory.keptMs > nowMs) this.#lostMs = this.#file.lostMs
  }

  #load(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length;) {
      const read = readRequestFacts(bytes, at, bytes.length)
      if (!read) return false
      this.#options.memory.load(read.facts)
      at = read.end
    }
    return true
  }

  /** Of a round that was committed just now. */
  committed({ content }: Section): void {
    for (const bytes of content) this.#add(bytes.subarray(PRODUCERS_SECTION_OVERHEAD_BYTES))
  }

  #add(facts: Uint8Array): void {
    this.#pending.push(facts)
    this.#pendingBytes += facts.length
    if (this.#pendingBytes > PENDING_MAX_BYTES) this.#drop()
  }

  #drop(): void {
    this.#isIncomplete = true
    this.#pending = []
    this.#pendingBytes = 0
  }

  /** Those of all rounds committed until now. */
  capture(): CapturedFacts {
    const facts = this.#pending
    const wasIncomplete = this.#isIncomplete
    this.#pending = []
    this.#pendingBytes = 0
    this.#isIncomplete = false
    return {
      store: async () => {
        try {
          await this.#store(facts, wasIncomplete)
        } catch (error) {
          this.#isIncomplete ||= wasIncomplete
          const later = this.#pending
          this.#pending = []
          this.#pendingBytes = 0
          for (const bytes of [...facts, ...later]) this.#add(bytes)
          throw error
        }
        const { mark } = this.#file
        return mark && producersFileSection(mark)
      },
    }
  }

  async #store(facts: readonly Uint8Array[], isIncomplete: boolean): Promise<void> {
    if (facts.length === 0 && !isIncomplete) return
    if (!this.#file.exists && !isIncomplete) return this.#file.replace(inOrder(facts), this.#lostMs)
    const bytes = facts.reduce((sum, each) => sum + each.length, this.#file.sizeBytes)
    const { replacedMinBytes = REPLACED_MIN_BYTES } = this.#options
    if (!isIncomplete && bytes <= Math.max(replacedMinBytes, 2 * this.#file.initialBytes)) {
      return this.#file.append(facts)
    }
    try {
      await this.#file.replace(this.#livePieces(), this.#lostMs)
    } catch (error) {
      if (!isDiskFull(error) || isIncomplete || !this.#file.exists) throw error
      await this.#file.append(facts)
    }
  }

  /** Other work goes on between them. */
  async *#livePieces(): AsyncIterable<Uint8Array> {
    let piece = Buffer.alloc(PIECE_BYTES)
    let length = 0
    for (const facts of this.#options.memory.live()) {
      const size = requestFactsBytes(facts.partitions.length, facts.stored.length)
      if (length + size > piece.length) {
        yield piece.subarray(0, length)
        piece = Buffer.alloc(Math.max(PIECE_BYTES, size))
        length = 0
        await new Promise((resolve) => setImmediate(resolve))
      }
      length = writeRequestFacts(piece, length, facts)
    }
    if (length > 0) yield piece.subarray(0, length)
  }
}

async function* inOrder(facts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* facts
}

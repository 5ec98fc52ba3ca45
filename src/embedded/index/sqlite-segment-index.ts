import type { Clock } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import { errorMessage } from '../startup-error.ts'
import { isDamage } from './index-database.ts'
import type { IndexedSegment, IndexRequest } from './index-messages.ts'
import { IndexQueue } from './index-queue.ts'
import { IndexReader } from './index-reader.ts'
import { IndexThread } from './index-thread.ts'
import type { IndexEntry, OffsetEntry, SegmentIndex, SegmentKey, TimeEntry } from './segment-index.ts'

export const INDEX_FILE = 'index.db'

export interface SqliteSegmentIndexOptions {
  /** Absolute path of index.db. */
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The index of one log directory in SQLite. A worker writes it, the main thread does point reads over a connection of
 * its own. A database that is missing, of another version, or damaged (found at any lookup or write) is deleted, and
 * rebuilt from the segments while lookups go on: they find less, and readers walk further.
 */
export class SqliteSegmentIndex implements SegmentIndex {
  readonly #path: string
  readonly #logger: Logger
  readonly #queue = new IndexQueue()
  readonly #thread: IndexThread
  /** Segments whose rows are to go: counted, as one may be dropped again meanwhile. */
  readonly #dropping = new Map<string, number>()
  #reader: IndexReader | undefined
  #listSegments: (() => Iterable<IndexedSegment>) | undefined
  #toRebuild = false
  #rebuilding = false
  #recreating = false
  #rebuildWaiters: (() => void)[] = []

  private constructor(options: SqliteSegmentIndexOptions) {
    this.#path = options.path
    this.#logger = options.logger
    this.#thread = new IndexThread({
      ...options,
      queue: this.#queue,
      onOpened: (complete, reason) => this.#opened(complete, reason),
      onDone: (request, damage) => this.#done(request, damage),
      onRebuilt: () => this.#rebuilt(),
    })
  }

  /**
   * Returns at once; the database is opened behind it, and until then nothing is found. That SQLite is new enough to be
   * trusted with it was checked when the catalogue was opened.
   */
  static open(options: SqliteSegmentIndexOptions): SqliteSegmentIndex {
    return new SqliteSegmentIndex(options)
  }

  /**
   * Says where the segments are, for rebuilds: to be called once, when the directory's log is open. Without it an
   * incomplete index stays incomplete, and is begun anew at the next start.
   */
  rebuildFrom(listSegments: () => Iterable<IndexedSegment>): void {
    this.#listSegments = listSegments
    this.#rebuildIfDue()
  }

  floorOffset(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    return this.#lookUp(segment, (reader) => reader.floorOffset(segment, offset))
  }

  entryAfter(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    return this.#lookUp(segment, (reader) => reader.entryAfter(segment, offset))
  }

  floorTime(segment: SegmentKey, timestamp: number): TimeEntry | undefined {
    return this.#lookUp(segment, (reader) => reader.floorTime(segment, timestamp))
  }

  add(segment: SegmentKey, entry: IndexEntry): void {
    this.#queue.add(segment, entry)
    this.#thread.entriesAdded()
  }

  dropSegment(segment: SegmentKey): void {
    const name = nameOf(segment)
    this.#dropping.set(name, (this.#dropping.get(name) ?? 0) + 1)
    this.#queue.push({ kind: 'dropSegment', segment })
    this.#thread.wake()
  }

  /** Queues the scan of a segment that was written whole; what it finds is added some time later. */
  fillIn(segment: IndexedSegment): void {
    this.#queue.push({ kind: 'scan', segment })
    this.#thread.wake()
  }

  dropTopic(topicId: string): void {
    this.#queue.push({ kind: 'dropTopic', topicId })
    this.#thread.wake()
  }

  /** Entries that were given up because the worker did not keep up. */
  get droppedEntries(): number {
    return this.#queue.dropped
  }

  /** Resolves when what was queued is written and no rebuild is under way. */
  async settled(): Promise<void> {
    await this.#thread.idle()
    if (this.#rebuilding) await new Promise<void>((resolve) => this.#rebuildWaiters.push(resolve))
  }

  async close(): Promise<void> {
    this.#listSegments = undefined
    await this.#thread.close()
    this.#reader?.close()
    this.#reader = undefined
  }

  #lookUp<Entry>(segment: SegmentKey, find: (reader: IndexReader) => Entry | undefined): Entry | undefined {
    if (this.#reader === undefined || (this.#dropping.size > 0 && this.#dropping.has(nameOf(segment)))) return undefined
    try {
      return find(this.#reader)
    } catch (error) {
      if (isDamage(error)) this.#recreate(errorMessage(error))
      return undefined
    }
  }

  #opened(complete: boolean, reason: string): void {
    this.#recreating = false
    if (!complete) {
      this.#closeReader()
      this.#logger.info({ path: this.#path, reason }, 'the segment index is built from the segments')
      this.#toRebuild = true
      this.#rebuilding = false
    }
    // A rebuild that the worker ended with its last breath.
    else if (this.#rebuilding) this.#rebuilt()
    this.#openReader(complete)
    this.#rebuildIfDue()
  }

  #openReader(complete: boolean): void {
    try {
      this.#reader ??= new IndexReader(this.#path)
    } catch (error) {
      if (complete) return this.#recreate(errorMessage(error))
      // It was made a moment ago: once more would end the same way.
      this.#logger.warn({ path: this.#path, reason: errorMessage(error) }, 'the segment index cannot be read')
    }
  }

  #rebuildIfDue(): void {
    if (!this.#toRebuild || this.#listSegments === undefined) return
    this.#toRebuild = false
    this.#rebuilding = true
    this.#thread.rebuild([...this.#listSegments()])
  }

  #rebuilt(): void {
    this.#rebuilding = false
    for (const resolve of this.#rebuildWaiters.splice(0)) resolve()
  }

  #done(request: IndexRequest, damage: string | undefined): void {
    if (request.kind === 'dropSegment') this.#dropped(nameOf(request.segment))
    if (damage !== undefined) this.#recreate(damage)
  }

  #dropped(name: string): void {
    const left = (this.#dropping.get(name) ?? 0) - 1
    if (left > 0) this.#dropping.set(name, left)
    else this.#dropping.delete(name)
  }

  #recreate(reason: string): void {
    if (this.#recreating) return
    this.#recreating = true
    this.#logger.warn({ path: this.#path, reason }, 'the segment index is damaged; it is built anew')
    this.#closeReader()
    this.#queue.clear()
    this.#dropping.clear()
    this.#queue.push({ kind: 'recreate' })
    this.#thread.wake()
  }

  #closeReader(): void {
    this.#reader?.close()
    this.#reader = undefined
  }
}

function nameOf(segment: SegmentKey): string {
  return `${segment.topicId}/${segment.partition}/${segment.segmentBaseOffset}/${segment.generation}`
}

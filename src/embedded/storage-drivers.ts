import type { CatalogueChange, CatalogueState } from './catalogue/catalogue-state.ts'
import { CatalogueThread } from './catalogue/catalogue-thread.ts'
import type { CleanedGroup, CleaningJob } from './cleaning/cleaning-messages.ts'
import { CleaningThread, type CleaningThreadSettings, type RoundEnd } from './cleaning/cleaning-thread.ts'
import { DirectoryLock } from './directory/directory-lock.ts'
import type { IndexedSegment } from './index/index-messages.ts'
import type { SegmentIndex } from './index/segment-index.ts'
import { SqliteSegmentIndex, type SqliteSegmentIndexOptions } from './index/sqlite-segment-index.ts'

/**
 * What of the storage goes past `FileSystem`: SQLite, which opens its files by itself, and threads with files of their own.
 * One real implementation; a simulation of the disk has one that keeps all of it on its own disk and in its own thread.
 */
export interface StorageDrivers {
  /** Throws StartupError at once if somebody else holds the log directory. */
  lockDirectory(directory: string): HeldLock
  /** To be called before it is known what there is to open. */
  startCatalogue(): CatalogueStore
  openIndex(options: SqliteSegmentIndexOptions): LogIndex
  startCleaning(settings: CleaningThreadSettings): CleaningRunner
}

/** Held until it is released or the process ends. */
export interface HeldLock {
  release(): void
}

/** Where the catalogue lies; one change at a time, each a transaction. */
export interface CatalogueStore {
  /** Opens the file, or makes it where `initial` is given. Rejects with StartupError where it must not be used. */
  open(file: string, initial?: CatalogueState): Promise<CatalogueState>
  /** Durable when it resolves; rejects with SQLite's error, its `code` kept. */
  apply(change: CatalogueChange): Promise<void>
  close(): Promise<void>
}

/** The index of one log directory. */
export interface LogIndex extends SegmentIndex {
  /** Says where the segments are, once, when the directory's log is open. */
  rebuildFrom(listSegments: () => Iterable<IndexedSegment>): void
  /** Queues the scan of a segment that was written whole. */
  fillIn(segment: IndexedSegment): void
}

/** Runs rounds of compaction, one at a time. */
export interface CleaningRunner {
  /** Never rejects. */
  clean(job: CleaningJob, onGroup: (group: CleanedGroup) => Promise<boolean>): Promise<RoundEnd>
  /** The round under way ends soon, as `abandoned`. */
  stop(): void
  /** No round may be under way. */
  close(): Promise<void>
}

/** SQLite and worker threads of this machine. */
export const machineDrivers: StorageDrivers = {
  lockDirectory: (directory) => DirectoryLock.acquire(directory),
  startCatalogue: () => CatalogueThread.start(),
  openIndex: (options) => SqliteSegmentIndex.open(options),
  startCleaning: (settings) => new CleaningThread(settings),
}

import * as fs from 'node:fs'
import Database from 'better-sqlite3'
import { RowInsert } from './row-insert.ts'
import { ROW_FIELDS, type WriteBatch } from './index-messages.ts'
import { offsetRowCrc, segmentSeed, timeRowCrc } from './row-checksum.ts'
import type { SegmentKey } from './segment-index.ts'

/** "PHIX" */
export const APPLICATION_ID = 0x50484958
/** `user_version` of a database that has this schema and was filled from all segments; while that goes on it is 0. */
export const COMPLETE_VERSION = 1

const schemaFile = new URL('../../../migrations/index/0001-segment-index.sql', import.meta.url)

/** The worker's side of index.db: the only writer. Nothing is ever synced; a power cut may leave any of it behind. */
export class IndexDatabase {
  readonly #database: Database.Database
  readonly #offsets: RowInsert
  readonly #times: RowInsert
  readonly #writeAll: (batch: WriteBatch) => void

  private constructor(database: Database.Database) {
    this.#database = database
    this.#offsets = new RowInsert(database, 'INSERT OR REPLACE INTO offset_index VALUES', 7)
    this.#times = new RowInsert(
      database,
      'INSERT INTO time_index VALUES',
      8,
      'ON CONFLICT DO UPDATE SET offset = excluded.offset, position = excluded.position, crc = excluded.crc ' +
        'WHERE excluded.offset >= offset',
    )
    this.#writeAll = database.transaction((batch: WriteBatch) => this.#insert(batch))
  }

  /** Opens what is there if it is ours and complete. Throws if not, or if it cannot be read. */
  static open(path: string): IndexDatabase {
    const database = new Database(path, { fileMustExist: true })
    try {
      prepare(database)
      const version = database.pragma('user_version', { simple: true })
      if (database.pragma('application_id', { simple: true }) !== APPLICATION_ID || version !== COMPLETE_VERSION) {
        throw new Error(`it is of another kind or version, or was never completed (user_version ${String(version)})`)
      }
      return new IndexDatabase(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Deletes whatever is there and makes an empty one, not complete. */
  static create(path: string): IndexDatabase {
    for (const suffix of ['', '-wal', '-shm', '-journal']) fs.rmSync(path + suffix, { force: true, recursive: true })
    const database = new Database(path)
    try {
      prepare(database)
      database.exec(fs.readFileSync(schemaFile, 'utf8'))
      database.pragma(`application_id = ${APPLICATION_ID}`)
      return new IndexDatabase(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  write(batch: WriteBatch): void {
    this.#writeAll(batch)
  }

  dropSegment(segment: SegmentKey): void {
    for (const table of ['offset_index', 'time_index']) {
      this.#database
        .prepare(`DELETE FROM ${table} WHERE topic_id = ? AND partition = ? AND segment = ? AND generation = ?`)
        .run(segment.topicId, segment.partition, segment.segmentBaseOffset, segment.generation)
    }
  }

  dropTopic(topicId: string): void {
    for (const table of ['offset_index', 'time_index']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE topic_id = ?`).run(topicId)
    }
  }

  markComplete(): void {
    this.#database.pragma(`user_version = ${COMPLETE_VERSION}`)
  }

  close(): void {
    this.#database.close()
  }

  #insert(batch: WriteBatch): void {
    const { segments, rows } = batch
    // What a batch that failed left behind.
    this.#offsets.clear()
    this.#times.clear()
    let place = -1
    let seed = 0
    for (let at = 0; at < rows.length; at += ROW_FIELDS) {
      const segment = segments[rows[at]!]
      if (segment === undefined) continue
      if (rows[at] !== place) {
        place = rows[at]!
        seed = segmentSeed(segment)
      }
      this.#insertRow(segment, seed, rows, at)
    }
    this.#offsets.flush()
    this.#times.flush()
  }

  #insertRow(segment: SegmentKey, seed: number, rows: Float64Array, at: number): void {
    const { topicId, partition, segmentBaseOffset, generation } = segment
    const offset = rows[at + 1]!
    const position = rows[at + 2]!
    const timestamp = rows[at + 3]!
    const crc = offsetRowCrc(seed, offset, position)
    this.#offsets.add(topicId, partition, segmentBaseOffset, generation, offset, position, crc)
    // Many entries in a row have the same time: only the last of them would stay.
    const sameNext = rows[at + ROW_FIELDS] === rows[at] && rows[at + ROW_FIELDS + 3] === timestamp
    if (Number.isNaN(timestamp) || sameNext) return
    const timeCrc = timeRowCrc(seed, timestamp, offset, position)
    this.#times.add(topicId, partition, segmentBaseOffset, generation, timestamp, offset, position, timeCrc)
  }
}

function prepare(database: Database.Database): void {
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = OFF')
  database.pragma('journal_size_limit = 16777216')
  database.pragma('cache_size = -4096')
}

/** Whether an error tells of a database that must be made anew, rather than of a disk that is full or away. */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return !/^(SQLITE_(BUSY|FULL|READONLY|CANTOPEN|NOMEM|LOCKED)|ENOSPC|EACCES|EROFS|EMFILE|ENFILE)/.test(code)
}

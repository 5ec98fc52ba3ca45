import Database from 'better-sqlite3'
import { APPLICATION_ID, COMPLETE_VERSION } from '../index/index-database.ts'
import { offsetRowCrc, segmentSeed, timeRowCrc } from '../index/row-checksum.ts'
import type { SegmentKey } from '../index/segment-index.ts'
import { errorMessage } from '../startup-error.ts'

export interface OffsetRow {
  readonly offset: number
  readonly position: number
}

export interface TimeRow extends OffsetRow {
  readonly timestamp: number
}

interface StoredRow extends OffsetRow {
  readonly crc: number
  readonly timestamp?: number
}

type SegmentParameters = [topicId: string, partition: number, segment: number, generation: number]

const OF_SEGMENT = 'topic_id = ? AND partition = ? AND segment = ? AND generation = ?'

/** The server that began to make this index.db was killed before it had all tables: then it is marked as one. */
export function isIndexUnmarked(path: string): boolean {
  const database = new Database(path, { fileMustExist: true })
  try {
    return ['application_id', 'user_version'].every((mark) => database.pragma(mark, { simple: true }) === 0)
  } finally {
    database.close()
  }
}

/** All rows of a copy of index.db, segment by segment, in the order of their places in it. */
export class IndexRows {
  readonly #database: Database.Database
  readonly #offsets: Database.Statement<SegmentParameters, StoredRow>
  readonly #times: Database.Statement<SegmentParameters, StoredRow>

  /** Throws where it is no database of this kind. */
  constructor(path: string) {
    this.#database = new Database(path, { fileMustExist: true })
    try {
      if (this.#database.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
        throw new Error('it is no index of Posthorn')
      }
      this.#offsets = this.#database.prepare(
        `SELECT offset, position, crc FROM offset_index WHERE ${OF_SEGMENT} ORDER BY position, offset`,
      )
      this.#times = this.#database.prepare(
        `SELECT timestamp, offset, position, crc FROM time_index WHERE ${OF_SEGMENT} ORDER BY position, timestamp`,
      )
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** False while it is being filled: the next start does that from the beginning. */
  get isComplete(): boolean {
    return this.#database.pragma('user_version', { simple: true }) === COMPLETE_VERSION
  }

  /** What SQLite finds wrong with its own structure; undefined = nothing. */
  fault(): string | undefined {
    try {
      const found = this.#database.pragma('integrity_check(1)', { simple: true })
      return found === 'ok' ? undefined : String(found)
    } catch (error) {
      return errorMessage(error)
    }
  }

  /** Rows that are not what was written come as undefined. */
  *offsetRows(segment: SegmentKey): Generator<OffsetRow | undefined> {
    const seed = segmentSeed(segment)
    for (const row of this.#offsets.iterate(...parameters(segment))) {
      const { offset, position, crc } = row
      const isSound = Number.isSafeInteger(offset) && Number.isSafeInteger(position)
      yield isSound && offsetRowCrc(seed, offset, position) === crc ? row : undefined
    }
  }

  /** Rows that are not what was written come as undefined. */
  *timeRows(segment: SegmentKey): Generator<TimeRow | undefined> {
    const seed = segmentSeed(segment)
    for (const { timestamp = NaN, offset, position, crc } of this.#times.iterate(...parameters(segment))) {
      const isSound = [timestamp, offset, position].every(Number.isSafeInteger)
      yield isSound && timeRowCrc(seed, timestamp, offset, position) === crc
        ? { timestamp, offset, position }
        : undefined
    }
  }

  close(): void {
    this.#database.close()
  }
}

function parameters({ topicId, partition, segmentBaseOffset, generation }: SegmentKey): SegmentParameters {
  return [topicId, partition, segmentBaseOffset, generation]
}

import Database from 'better-sqlite3'
import { offsetRowCrc, segmentSeed, timeRowCrc } from './row-checksum.ts'
import type { OffsetEntry, SegmentKey, TimeEntry } from './segment-index.ts'

type Parameters = [topicId: string, partition: number, segment: number, generation: number, point: number]

interface OffsetRow {
  readonly offset: number
  readonly position: number
  readonly crc: number
}

interface TimeRow extends OffsetRow {
  readonly timestamp: number
}

const OF_SEGMENT = 'topic_id = ? AND partition = ? AND segment = ? AND generation = ?'

/** A row that says what nobody wrote. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError'
}

/**
 * The main thread's side of index.db: point reads over a connection of its own that cannot write. Throws DamagedRowError
 * or SQLite's error if the database is not what was written.
 */
export class IndexReader {
  readonly #database: Database.Database
  readonly #floorOffset: Database.Statement<Parameters, OffsetRow>
  readonly #entryAfter: Database.Statement<Parameters, OffsetRow>
  readonly #floorTime: Database.Statement<Parameters, TimeRow>

  constructor(path: string) {
    this.#database = new Database(path, { readonly: true, fileMustExist: true })
    try {
      const offsets = `SELECT offset, position, crc FROM offset_index WHERE ${OF_SEGMENT}`
      const times = `SELECT timestamp, offset, position, crc FROM time_index WHERE ${OF_SEGMENT}`
      this.#floorOffset = this.#database.prepare(`${offsets} AND offset <= ? ORDER BY offset DESC LIMIT 1`)
      this.#entryAfter = this.#database.prepare(`${offsets} AND offset > ? ORDER BY offset LIMIT 1`)
      this.#floorTime = this.#database.prepare(`${times} AND timestamp < ? ORDER BY timestamp DESC LIMIT 1`)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  floorOffset(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    const row = this.#floorOffset.get(...parameters(segment, offset))
    if (row === undefined) return undefined
    requireSound(isOffsetRowOf(segment, row) && row.offset <= offset)
    return { baseOffset: row.offset, position: row.position }
  }

  entryAfter(segment: SegmentKey, offset: number): OffsetEntry | undefined {
    const row = this.#entryAfter.get(...parameters(segment, offset))
    if (row === undefined) return undefined
    requireSound(isOffsetRowOf(segment, row) && row.offset > offset)
    return { baseOffset: row.offset, position: row.position }
  }

  floorTime(segment: SegmentKey, timestamp: number): TimeEntry | undefined {
    const row = this.#floorTime.get(...parameters(segment, timestamp))
    if (row === undefined) return undefined
    requireSound(isTimeRowOf(segment, row) && row.timestamp < timestamp)
    return { baseOffset: row.offset, position: row.position, maxTimestampBefore: row.timestamp }
  }

  close(): void {
    this.#database.close()
  }
}

function parameters(segment: SegmentKey, point: number): Parameters {
  return [segment.topicId, segment.partition, segment.segmentBaseOffset, segment.generation, point]
}

function isOffsetRowOf(segment: SegmentKey, row: OffsetRow): boolean {
  const { offset, position, crc } = row
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(position)) return false
  return offsetRowCrc(segmentSeed(segment), offset, position) === crc
}

function isTimeRowOf(segment: SegmentKey, row: TimeRow): boolean {
  const { timestamp, offset, position, crc } = row
  if (![timestamp, offset, position].every(Number.isSafeInteger)) return false
  return timeRowCrc(segmentSeed(segment), timestamp, offset, position) === crc
}

function requireSound(sound: boolean): void {
  if (!sound) throw new DamagedRowError('a row is not as it was written')
}

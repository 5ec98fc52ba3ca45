import type { FileHandle } from '../file-system.ts'
import type { SegmentIndex, SegmentKey } from '../index/segment-index.ts'
import { type FoundRecord, findInBatch } from './offset-search.ts'
import type { OpenFiles } from './open-files.ts'
import { fencedRangeAt } from './partition-view.ts'
import { SegmentCursor, type SegmentExtent } from './segment-cursor.ts'
import { SegmentWalk } from './segment-walk.ts'
import { SoundRunSearches } from './sound-run-searches.ts'

export interface SegmentReadRequest {
  readonly segment: SegmentExtent
  readonly key: SegmentKey
  /** At or above the segment's base offset. */
  readonly offset: number
  /** Only batches that end below it are returned. */
  readonly limitOffset: number
  readonly maxBytes: number
  /** Return a batch even if it alone is larger than `maxBytes`. */
  readonly atLeastOne: boolean
}

export interface SegmentPage {
  /** Runs of whole batches, each verified. Empty: the file holds none at or behind the offset, or see `stopped`. */
  readonly batches: Buffer[]
  readonly bytes: number
  /** Where to go on: behind the last batch, else the offset asked for. */
  readonly nextOffset: number
  /** By `maxBytes`, `limitOffset`, or damage behind the batches: nothing further belongs to this page. */
  readonly stopped: boolean
  /** The offset asked for is lost; `to` = the next one that this segment's file holds, if there is one. */
  readonly damage?: { readonly to: number | undefined }
}

/** What a read fetches beyond the page's bytes: the way from the index' entry, and the header behind the page. */
const SLACK_BYTES = 8 * 1024
const RESUME_POINTS_MAX = 4096

/** Reads verified batches of segment files. */
export class SegmentReader {
  readonly #files: OpenFiles
  readonly #index: SegmentIndex
  /**
   * Where the offset behind a page lies: a consumer's next read begins there, and finds it without the index. Hints
   * like the index' own. Oldest first.
   */
  readonly #resumePoints = new Map<string, number>()
  readonly #searches = new SoundRunSearches()

  constructor(files: OpenFiles, index: SegmentIndex) {
    this.#files = files
    this.#index = index
  }

  async read(request: SegmentReadRequest): Promise<SegmentPage> {
    return await this.#files.use(request.segment.path, (file) => this.#readFrom(file, request))
  }

  /** The first record at or above `fromOffset` whose timestamp is at or above `timestamp`. Passes over damage. */
  async findByTime(
    segment: SegmentExtent,
    key: SegmentKey,
    timestamp: number,
    fromOffset: number,
  ): Promise<FoundRecord | undefined> {
    return await this.#files.use(segment.path, async (file) => {
      const cursor = new SegmentCursor(file, segment, 0)
      const walk = this.#walk(file, cursor, segment, key)
      let found: FoundRecord | undefined
      const isFound = (search: FoundRecord | undefined): boolean => {
        found = search
        return found !== undefined && fencedRangeAt(segment.fenced, found.offset) === undefined
      }
      const { outcome } = await walk.toTime(timestamp, () => {
        const search = findInBatch(cursor.chunk, cursor.at, timestamp, fromOffset)
        return search instanceof Promise ? search.then(isFound) : isFound(search)
      })
      return outcome === 'found' ? found : undefined
    })
  }

  async #readFrom(file: FileHandle, request: SegmentReadRequest): Promise<SegmentPage> {
    const { segment, offset } = request
    const cursor = new SegmentCursor(file, segment, request.maxBytes + SLACK_BYTES)
    if (!(await this.#resume(cursor, request))) {
      const walk = this.#walk(file, cursor, segment, request.key)
      const stop = await walk.toOffset(offset)
      const nothing = { batches: [], bytes: 0, nextOffset: offset }
      if (stop.outcome === 'damaged') return { ...nothing, stopped: true, damage: { to: stop.damagedTo } }
      if (stop.outcome === 'end') return { ...nothing, stopped: false }
    }
    const page = await collect(cursor, request)
    if (page.bytes > 0) this.#remember(request.key, page.nextOffset, cursor.position)
    return page
  }

  #walk(file: FileHandle, cursor: SegmentCursor, segment: SegmentExtent, key: SegmentKey): SegmentWalk {
    return new SegmentWalk({
      cursor,
      segment,
      key,
      index: this.#index,
      findRun: (stretch) => this.#searches.find(file, key, stretch),
    })
  }

  async #resume(cursor: SegmentCursor, request: SegmentReadRequest): Promise<boolean> {
    const name = resumeName(request.key, request.offset)
    const position = this.#resumePoints.get(name)
    if (position === undefined || position >= request.segment.fileBytes) return false
    cursor.seek(position, request.offset)
    if ((await cursor.judgeLoaded()) === 'valid') return true
    this.#resumePoints.delete(name)
    return false
  }

  #remember(key: SegmentKey, offset: number, position: number): void {
    const points = this.#resumePoints
    const name = resumeName(key, offset)
    points.delete(name)
    points.set(name, position)
    if (points.size <= RESUME_POINTS_MAX) return
    for (const oldest of points.keys()) {
      points.delete(oldest)
      return
    }
  }
}

function resumeName(key: SegmentKey, offset: number): string {
  return `${key.topicId}/${key.partition}/${key.segmentBaseOffset}/${key.generation}/${offset}`
}

/** Takes batches from the cursor on, without copying: one buffer a chunk of the file. */
async function collect(cursor: SegmentCursor, request: SegmentReadRequest): Promise<SegmentPage> {
  const page = new RunCollector()
  let nextOffset = request.offset
  let stopped = false
  for (;;) {
    const judgement = cursor.judge()
    if (judgement === 'end') break
    stopped =
      judgement === 'damaged' ||
      (cursor.sizeBytes > 0 && !fits(page.bytes, cursor.sizeBytes, request)) ||
      (judgement === 'valid' && cursor.lastOffset >= request.limitOffset)
    if (stopped) break
    if (judgement === 'unread') {
      page.endRun()
      await cursor.load()
      continue
    }
    page.take(cursor.chunk, cursor.at, cursor.sizeBytes)
    cursor.advance()
    nextOffset = cursor.expectedOffset
  }
  page.endRun()
  return { batches: page.runs, bytes: page.bytes, nextOffset, stopped }
}

function fits(pageBytes: number, batchBytes: number, request: SegmentReadRequest): boolean {
  return (pageBytes === 0 && request.atLeastOne) || pageBytes + batchBytes <= request.maxBytes
}

class RunCollector {
  readonly runs: Buffer[] = []
  bytes = 0
  #chunk: Buffer | undefined
  #from = 0
  #to = 0

  take(chunk: Buffer, at: number, sizeBytes: number): void {
    if (this.#chunk === undefined) {
      this.#chunk = chunk
      this.#from = at
    }
    this.#to = at + sizeBytes
    this.bytes += sizeBytes
  }

  /** Before the chunk changes. */
  endRun(): void {
    if (this.#chunk) this.runs.push(this.#chunk.subarray(this.#from, this.#to))
    this.#chunk = undefined
  }
}

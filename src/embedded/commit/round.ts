import type { EncodedBatch } from '../../broker/append-request.ts'
import type { TopicConfig } from '../../broker/topic-config.ts'
import { releaseBatch } from '../../codec/batch-buffer.ts'
import { isMergeable, mergeBatches } from '../../codec/merge-batches.ts'
import { assignOffsets, setLogAppendTime } from '../../codec/record-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { TailBatch } from '../log/partition-view.ts'
import { shouldRoll, type ActiveSegment } from '../log/roll-policy.ts'
import { emptySegmentFacts, Segment } from '../log/segment.ts'
import type { RoundEntry } from './batches-section.ts'
import type { LogAppended } from './log-append.ts'
import type { QueuedAppend } from './queued-append.ts'

/** One node, so one leader for ever. */
const LEADER_EPOCH = 0
/** What a record may grow by when it joins a batch: its length, timestamp delta and offset delta. */
const MERGE_GROWTH_BYTES = 20

/** Batches of one partition that go to one segment, one behind the other. */
export interface RoundRun {
  readonly log: PartitionLog
  readonly segment: Segment
  /** The segment begins with this run: its file has to be made first. */
  readonly isNewSegment: boolean
  readonly position: number
  readonly firstOffset: number
  lastOffset: number
  lengthBytes: number
  readonly batches: TailBatch[]
}

/** Where the batches of some requests go: offsets, append times and rolls decided, nothing changed yet. */
export interface Round {
  readonly requests: readonly QueuedAppend[]
  readonly logs: ReadonlySet<PartitionLog>
  readonly runs: readonly RoundRun[]
  readonly bytes: number
}

export interface RoundOptions {
  /** Wall time, Unix milliseconds. */
  readonly nowMs: number
  /** 0 ≤ jitter < 1, for a new segment. */
  readonly jitter: () => number
  /** Whether single records that wait together share a batch. */
  readonly merge: boolean
}

/** Forms a round of requests, in their order. Fills in their results and stamps their batches. */
export function formRound(requests: readonly QueuedAppend[], options: RoundOptions): Round {
  const drafts = new Map<PartitionLog, PartitionDraft>()
  for (const request of requests) {
    const results: LogAppended[] = []
    for (const { log, batches } of request.parts) {
      let draft = drafts.get(log)
      if (!draft) drafts.set(log, (draft = new PartitionDraft(log, options.nowMs)))
      results.push(draft.add(batches))
    }
    request.results = results
  }
  const runs: RoundRun[] = []
  let bytes = 0
  for (const draft of drafts.values()) {
    for (const run of draft.place(options)) {
      runs.push(run)
      bytes += run.lengthBytes
    }
  }
  return { requests, logs: new Set(drafts.keys()), runs, bytes }
}

/** What a round holds for one partition. */
class PartitionDraft {
  readonly #log: PartitionLog
  /** −1 under CreateTime. Never before the partition's last. */
  readonly #appendTime: number
  readonly #batches: EncodedBatch[] = []
  #nextOffset: number

  constructor(log: PartitionLog, nowMs: number) {
    this.#log = log
    const stamps = log.config().messageTimestampType === 'LogAppendTime'
    this.#appendTime = stamps ? Math.max(nowMs, log.lastAppendTime) : -1
    this.#nextOffset = log.highWatermark
  }

  add(batches: readonly EncodedBatch[]): LogAppended {
    const { partition } = this.#log
    const result = { partition, baseOffset: this.#nextOffset, logAppendTime: this.#appendTime }
    for (const batch of batches) {
      this.#nextOffset += batch.recordCount
      this.#batches.push(batch)
    }
    return result
  }

  place(options: RoundOptions): RoundRun[] {
    const config = this.#log.config()
    const sizeMax = Math.min(config.maxMessageBytes, config.segmentBytes)
    const batches = options.merge ? mergeSingles(this.#batches, sizeMax) : this.#batches
    const placing = new Placing(this.#log, options)
    let offset = this.#log.highWatermark
    for (const batch of batches) {
      assignOffsets(batch.bytes, 0, offset, LEADER_EPOCH)
      if (this.#appendTime >= 0) setLogAppendTime(batch.bytes, 0, this.#appendTime)
      const maxTimestamp = this.#appendTime >= 0 ? this.#appendTime : batch.maxTimestamp
      placing.put(batch.bytes, offset, offset + batch.recordCount - 1, maxTimestamp)
      offset += batch.recordCount
    }
    if (this.#appendTime >= 0) this.#log.lastAppendTime = this.#appendTime
    return placing.runs
  }
}

/** Finds the place of one batch after the other, beginning a segment where the roll policy says so. */
class Placing {
  readonly runs: RoundRun[] = []
  readonly #log: PartitionLog
  readonly #config: TopicConfig
  readonly #options: RoundOptions
  #segment: Segment
  /** The segment as it will be behind what was put so far. */
  #active: { -readonly [Field in keyof ActiveSegment]: ActiveSegment[Field] }
  #isNewSegment = false
  #run: RoundRun | undefined

  constructor(log: PartitionLog, options: RoundOptions) {
    this.#log = log
    this.#config = log.config()
    this.#options = options
    this.#segment = log.activeSegment
    this.#active = activeOf(this.#segment)
  }

  put(bytes: Buffer, baseOffset: number, lastOffset: number, maxTimestamp: number): void {
    const incoming = { sizeBytes: bytes.length, maxTimestamp, lastOffset }
    if (shouldRoll(this.#active, incoming, this.#config, this.#options.nowMs)) this.#roll(baseOffset)
    const active = this.#active
    if (active.sizeBytes === 0) active.firstTimestamp = maxTimestamp
    const run = (this.#run ??= this.#begin(baseOffset))
    run.batches.push({
      baseOffset,
      lastOffset,
      maxTimestamp,
      segmentBaseOffset: this.#segment.baseOffset,
      position: active.sizeBytes,
      bytes,
    })
    run.lastOffset = lastOffset
    run.lengthBytes += bytes.length
    active.sizeBytes += bytes.length
  }

  #roll(baseOffset: number): void {
    const facts = emptySegmentFacts(baseOffset, this.#options.nowMs)
    this.#segment = new Segment(this.#log.directory, facts, this.#options.jitter())
    this.#active = activeOf(this.#segment)
    this.#isNewSegment = true
    this.#run = undefined
  }

  #begin(firstOffset: number): RoundRun {
    const run: RoundRun = {
      log: this.#log,
      segment: this.#segment,
      isNewSegment: this.#isNewSegment,
      position: this.#active.sizeBytes,
      firstOffset,
      lastOffset: firstOffset,
      lengthBytes: 0,
      batches: [],
    }
    this.runs.push(run)
    return run
  }
}

function activeOf({ baseOffset, sizeBytes, firstTimestamp, createdMs, jitter }: Segment): ActiveSegment {
  return { baseOffset, sizeBytes, firstTimestamp, createdMs, jitter }
}

/** Joins neighbouring batches of one record each, up to the largest batch the topic takes. */
function mergeSingles(batches: readonly EncodedBatch[], sizeMax: number): readonly EncodedBatch[] {
  if (batches.length < 2) return batches
  const merged: EncodedBatch[] = []
  let singles: EncodedBatch[] = []
  let sizeBound = 0
  const flush = (): void => {
    if (singles.length > 0) merged.push(singles.length === 1 ? singles[0]! : mergeAll(singles))
    singles = []
    sizeBound = 0
  }
  for (const batch of batches) {
    const bound = batch.bytes.length + MERGE_GROWTH_BYTES
    const fits = batch.recordCount === 1 && isMergeable(batch.bytes)
    if (!fits || sizeBound + bound > sizeMax) flush()
    if (fits) {
      singles.push(batch)
      sizeBound += bound
    } else merged.push(batch)
  }
  flush()
  return merged
}

function mergeAll(batches: readonly EncodedBatch[]): EncodedBatch {
  const bytes = mergeBatches(batches.map((batch) => batch.bytes))
  for (const batch of batches) releaseBatch(batch.bytes)
  return {
    bytes,
    recordCount: batches.length,
    maxTimestamp: batches.reduce((newest, batch) => Math.max(newest, batch.maxTimestamp), -1),
  }
}

/** How a frame holds a round's runs: with their bytes. */
export function inlineEntries(round: Round): RoundEntry[] {
  return round.runs.map((run) => entryOf(run, { batches: run.batches.map((batch) => batch.bytes) }))
}

export function entryOf(run: RoundRun, content: RoundEntry['content']): RoundEntry {
  return {
    topicIdBytes: run.log.topicIdBytes,
    partition: run.log.partition,
    segmentBaseOffset: run.segment.baseOffset,
    position: run.position,
    firstOffset: run.firstOffset,
    lastOffset: run.lastOffset,
    lengthBytes: run.lengthBytes,
    content,
  }
}

import assert from 'node:assert/strict'
import { releaseBatch } from '../../codec/batch-buffer.ts'
import type { TopicConfig } from '../../broker/topic-config.ts'
import type { FencedRange, PartitionView, TailBatch } from './partition-view.ts'
import { changedSegments, type StagedChange } from './segment-change.ts'
import type { Segment } from './segment.ts'

/** Which partition a log directory holds, as the catalogue has it. */
export interface PartitionPlacement {
  readonly topic: string
  /** 22 characters of base64url. */
  readonly topicId: string
  readonly partition: number
  readonly logStartOffset: number
  /** Asked at each append: altered configs are in force at once. */
  readonly config: () => TopicConfig
}

/** Where a partition's log stood at one moment. */
export interface PartitionState {
  readonly segments: readonly Segment[]
  readonly logEndOffset: number
  readonly fenced: readonly FencedRange[]
  readonly firstDirtyOffset?: number
}

/**
 * One partition's log in memory: its segments, its newest batches, its offsets.
 *
 * Everything readers see here is durable and changes in one synchronous step, when the round that holds it commits;
 * only `logEndOffset` runs ahead of that, while a round is being written. Nothing here touches the disk.
 */
export class PartitionLog implements PartitionView {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly directory: string
  readonly config: () => TopicConfig
  /** The 16 bytes of the topic id. */
  readonly topicIdBytes: Buffer
  logStartOffset: number
  logEndOffset: number
  /** The newest append time given out under LogAppendTime; −1 = none. */
  lastAppendTime: number
  /** Why this partition cannot be served, though its directory can; it takes no appends and has no readable records. */
  readonly offlineReason: string | undefined
  /** Where compaction goes on: what is below was cleaned. Durable with the checkpoint that says so. */
  firstDirtyOffset: number
  #segments: readonly Segment[]
  #staged: StagedChange | undefined
  readonly #tail: TailBatch[] = []
  #fenced: FencedRange[]
  readonly #listeners = new Set<() => void>()
  #highWatermark: number
  /** Batches at the beginning of the tail that are in their segment's file. */
  #laid = 0
  /** Batches that have left the tail before whoever bounds its memory asked for it. */
  #givenUp = 0
  #pendingBytes = 0
  #refusing = false
  #dropped = false

  constructor(placement: PartitionPlacement, directory: string, state: PartitionState, offlineReason?: string) {
    assert.ok(state.segments.length > 0, 'a partition has at least one segment')
    this.topic = placement.topic
    this.topicId = placement.topicId
    this.partition = placement.partition
    this.directory = directory
    this.config = placement.config
    this.topicIdBytes = Buffer.from(placement.topicId, 'base64url')
    // Retention moves it no further than to the first segment, deletion of records further.
    this.logStartOffset = Math.max(placement.logStartOffset, state.segments[0]?.baseOffset ?? 0)
    this.firstDirtyOffset = state.firstDirtyOffset ?? 0
    this.logEndOffset = state.logEndOffset
    this.#highWatermark = state.logEndOffset
    this.#segments = state.segments
    this.#fenced = [...state.fenced]
    this.offlineReason = offlineReason
    const stampedByUs = placement.config().messageTimestampType === 'LogAppendTime'
    // The active segment may have been begun since the last record.
    const newest = stampedByUs ? state.segments.findLast(({ maxTimestamp }) => maxTimestamp >= 0) : undefined
    this.lastAppendTime = newest?.maxTimestamp ?? -1
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  get tail(): readonly TailBatch[] {
    return this.#tail
  }

  get fenced(): readonly FencedRange[] {
    return this.#fenced
  }

  get activeSegment(): Segment {
    const last = this.#segments.at(-1)
    assert.ok(last)
    return last
  }

  /** Bytes of its committed batches. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** Bytes committed that are not yet in their segments' files. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** True once its topic is being deleted: it takes no more appends. */
  get refusesAppends(): boolean {
    return this.#refusing
  }

  /** True once nothing of it is written any more. */
  get dropped(): boolean {
    return this.#dropped
  }

  /** Calls the listener each time the high watermark moved, and when the topic is dropped; it must not throw. */
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Keeps a damaged range from readers. */
  fence(range: FencedRange): void {
    if (this.#fenced.some((known) => known.from <= range.from && range.to <= known.to)) return
    this.#fenced.push(range)
    this.#fenced.sort((one, other) => one.from - other.from)
  }

  addSegment(segment: Segment): void {
    assert.ok(segment.baseOffset >= this.#highWatermark && segment.baseOffset > this.activeSegment.baseOffset)
    this.#segments = [...this.#segments, segment]
  }

  /** The change waits for the next checkpoint. False: it does not fit, or another waits already. */
  stage(change: StagedChange): boolean {
    if (this.#staged || this.#dropped || !changedSegments(this.#segments, change)) return false
    this.#staged = change
    return true
  }

  get staged(): StagedChange | undefined {
    return this.#staged
  }

  /** What a checkpoint taken now is to say: with the staged change. */
  get checkpointed(): Required<Omit<PartitionState, 'logEndOffset'>> {
    const segments = (this.#staged && changedSegments(this.#segments, this.#staged)) ?? this.#segments
    const start = segments[0]?.baseOffset ?? 0
    const firstDirtyOffset = Math.max(this.#staged?.firstDirtyOffset ?? this.firstDirtyOffset, start)
    return { segments, fenced: this.#fenced.filter((range) => range.to > start), firstDirtyOffset }
  }

  /** The checkpoint is not there, and will not be: all stays as it is. */
  unstage(): void {
    this.#staged = undefined
  }

  /** The checkpoint that was taken with the staged change is durable. */
  applyStaged(): void {
    if (!this.#staged || this.#dropped) return
    const { segments, fenced, firstDirtyOffset } = this.checkpointed
    const lastRemoved = this.#staged.removed.at(-1)
    this.#staged.applied = true
    this.#staged = undefined
    this.#segments = segments
    this.#fenced = [...fenced]
    this.firstDirtyOffset = firstDirtyOffset
    this.logStartOffset = Math.max(this.logStartOffset, segments[0]?.baseOffset ?? 0)
    if (lastRemoved)
      this.#giveUpTail(segments.find(({ baseOffset }) => baseOffset > lastRemoved.baseOffset)?.baseOffset)
  }

  /** Memory may still hold what the files do not any more: readers must not find it there. */
  #giveUpTail(beforeOffset = 0): void {
    const first = this.#tail.findIndex(({ baseOffset }) => baseOffset >= beforeOffset)
    const count = first < 0 ? this.#tail.length : first
    this.#forget(count)
    this.#givenUp += count
  }

  /** A durable frame says that these batches of the active segment are here: in offset order, before `advance`. */
  commitRun(batches: readonly TailBatch[]): void {
    const segment = this.activeSegment
    for (const batch of batches) {
      if (batch.baseOffset !== this.#highWatermark) assert.fail(`${batch.baseOffset} does not follow the last offset`)
      if (batch.position !== segment.sizeBytes) assert.fail(`${batch.position} is not where the segment ends`)
      segment.extend(batch.bytes.length, batch.maxTimestamp)
      this.#tail.push(batch)
      this.#pendingBytes += batch.bytes.length
      this.#highWatermark = batch.lastOffset + 1
    }
  }

  /** Wakes the readers that wait. */
  advance(): void {
    this.logEndOffset = Math.max(this.logEndOffset, this.#highWatermark)
    for (const listener of this.#listeners) listener()
  }

  /** The oldest batches that are not in their file yet: one segment's, contiguous, at most so many bytes but at least one. */
  pendingRun(maxBytes: number): readonly TailBatch[] {
    const first = this.#tail[this.#laid]
    if (!first) return []
    let end = this.#laid
    let bytes = 0
    for (; end < this.#tail.length; end++) {
      const batch = this.#tail[end]
      if (!batch || batch.segmentBaseOffset !== first.segmentBaseOffset) break
      if (bytes > 0 && bytes + batch.bytes.length > maxBytes) break
      bytes += batch.bytes.length
    }
    return this.#tail.slice(this.#laid, end)
  }

  /** The oldest pending batches are in their segment's file. */
  laid(run: readonly TailBatch[]): void {
    const last = run.at(-1)
    if (!last || this.#dropped) return
    this.#laid += run.length
    this.#pendingBytes -= run.reduce((sum, batch) => sum + batch.bytes.length, 0)
    this.segmentAt(last.segmentBaseOffset).fileBytes = last.position + last.bytes.length
  }

  segmentAt(baseOffset: number): Segment {
    const segment = this.#segments.findLast((candidate) => candidate.baseOffset === baseOffset)
    assert.ok(segment)
    return segment
  }

  /** Batches at the beginning of the tail that memory could give up. */
  get laidCount(): number {
    return this.#givenUp + this.#laid
  }

  /** Gives up the oldest batches of the tail and their memory; all of them must be in their file. */
  forgetOldest(count: number): void {
    const givenUp = Math.min(count, this.#givenUp)
    this.#givenUp -= givenUp
    this.#forget(count - givenUp)
  }

  #forget(count: number): void {
    assert.ok(count <= this.#laid)
    for (const { bytes } of this.#tail.splice(0, count)) releaseBatch(bytes)
    this.#laid -= count
  }

  /** Its topic is being deleted: appends under way end, later ones are refused. */
  refuseAppends(): void {
    this.#refusing = true
  }

  /** Forgets what is not in its segments yet, and wakes the readers that wait. */
  drop(): void {
    this.#refusing = true
    this.#dropped = true
    this.#tail.length = 0
    this.#laid = 0
    this.#pendingBytes = 0
    for (const listener of this.#listeners) listener()
  }
}

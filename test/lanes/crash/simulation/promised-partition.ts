import assert from 'node:assert/strict'
import { keyOf, short } from './sent-requests.ts'

export type Keeping = 'all' | 'newest-of-key' | 'for-a-while'

export interface FoundRecord {
  readonly offset: number
  readonly value: string
  readonly timestamp: number
}

/** One partition as its clients know it: what may never change again. */
export class PromisedPartition {
  readonly #name: string
  readonly #keeping: Keeping
  /** Acknowledged with `acks=all`, or seen by a reader. */
  readonly #kept = new Map<number, FoundRecord>()
  /** Acknowledged with `acks=1`: there after kills, and perhaps not after a power cut. */
  readonly #written = new Map<number, FoundRecord>()
  /** Records before it were deleted for good, as somebody was told. */
  #deletedBefore = 0
  /** Somebody asked for that, and may have been heard. */
  #deletionAskedBefore = 0

  constructor(name: string, keeping: Keeping) {
    this.#name = name
    this.#keeping = keeping
  }

  get keptOffsets(): readonly number[] {
    return [...this.#kept.keys()]
  }

  get deletionAskedBefore(): number {
    return this.#deletionAskedBefore
  }

  acknowledged(record: FoundRecord): void {
    this.#keep(record, 'given out twice')
  }

  written(record: FoundRecord): void {
    this.#written.set(record.offset, record)
  }

  seen(record: FoundRecord): void {
    this.#keep(record, 'read as another record')
  }

  #keep(record: FoundRecord, what: string): void {
    const known = this.#kept.get(record.offset)
    if (known && known.value !== record.value) {
      assert.fail(`${this.#at(record.offset)} was ${what}: ${short(known.value)}, then ${short(record.value)}`)
    }
    if (!known) this.#kept.set(record.offset, record)
  }

  deletionAsked(before: number): void {
    this.#deletionAskedBefore = Math.max(this.#deletionAskedBefore, before)
  }

  deleted(before: number): void {
    this.#deletedBefore = Math.max(this.#deletedBefore, before)
  }

  powerWasCut(): void {
    this.#written.clear()
  }

  /** All that is found of it after a start, in order; from then on that is promised too, for a reader has seen it. */
  check(found: readonly FoundRecord[], bounds: { logStartOffset: number; highWatermark: number }, now: Lateness): void {
    for (const record of this.#written.values()) this.#keep(record, 'given out twice')
    this.#written.clear()
    this.#checkBounds(bounds)
    this.#checkOrder(found, bounds)
    const byOffset = new Map(found.map((record) => [record.offset, record]))
    const newestOfKey = new Map(found.map(({ offset, value }) => [keyOf(value), offset]))
    for (const [offset, record] of this.#kept) {
      assert.ok(offset < bounds.highWatermark, `${this.#at(offset)} is lost: the log ends at ${bounds.highWatermark}`)
      const there = byOffset.get(offset)
      if (there) assert.equal(short(there.value), short(record.value), `${this.#at(offset)} is another record`)
      if (there) assert.equal(there.value, record.value, `${this.#at(offset)} has other bytes`)
      if (!there) this.#checkMissing(record, bounds.logStartOffset, newestOfKey, now)
    }
    for (const record of found) this.#keep(record, 'changed')
  }

  #checkBounds({ logStartOffset, highWatermark }: { logStartOffset: number; highWatermark: number }): void {
    assert.ok(
      logStartOffset <= highWatermark,
      `${this.#name} begins at ${logStartOffset}, and ends at ${highWatermark}`,
    )
    assert.ok(
      logStartOffset >= this.#deletedBefore,
      `${this.#name} begins at ${logStartOffset}, though records up to ${this.#deletedBefore} were deleted`,
    )
  }

  #checkOrder(found: readonly FoundRecord[], bounds: { logStartOffset: number; highWatermark: number }): void {
    let next = bounds.logStartOffset
    for (const { offset } of found) {
      if (this.#keeping === 'newest-of-key') assert.ok(offset >= next, `${this.#at(offset)} comes behind ${next}`)
      else assert.equal(offset, next, `${this.#name} has a hole before ${offset}`)
      next = offset + 1
    }
    if (this.#keeping !== 'newest-of-key') assert.equal(next, bounds.highWatermark, `${this.#name} ends too early`)
  }

  #checkMissing(
    { offset, value, timestamp }: FoundRecord,
    logStartOffset: number,
    newestOfKey: ReadonlyMap<string, number>,
    now: Lateness,
  ): void {
    if (offset < logStartOffset) {
      if (offset < this.#deletionAskedBefore) return
      const isOld = this.#keeping === 'for-a-while' && now.nowMs - timestamp > now.retentionMs
      assert.ok(isOld, `${this.#at(offset)} (${short(value)}) is gone below the log start ${logStartOffset}`)
      return
    }
    const newest = newestOfKey.get(keyOf(value)) ?? -1
    assert.ok(
      this.#keeping === 'newest-of-key' && newest > offset,
      `${this.#at(offset)} (${short(value)}) is lost; the newest of its key is ${newest}`,
    )
  }

  #at(offset: number): string {
    return `offset ${offset} of ${this.#name}`
  }
}

export interface Lateness {
  readonly nowMs: number
  /** Of topics that keep records for a while. */
  readonly retentionMs: number
}

import { keyOf, loadRecord, type Origin, originOf } from './load-records.ts'
import type { Findings } from './findings.ts'

/**
 * Why a client takes it that a record is at an offset: it was acknowledged from stable storage, or by the kernel only
 * (`acks=1`), or somebody read it.
 */
export type Ground = 'fsync' | 'kernel' | 'read'

export interface Place {
  readonly partition: number
  readonly offset: number
}

interface Known {
  readonly origin: Origin
  readonly ground: Ground
  readonly at: number
}

export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string
}

/** A partition as it is found behind a crash, while nobody publishes. */
export interface FoundPartition {
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly sizeBytes: number
  /** Where reading began: at the log start, or where the last audit ended. */
  readonly from: number
  readonly records: readonly ReadRecord[]
}

export interface TopicRules {
  readonly topic: string
  readonly partitions: number
  /** What may take records away. */
  readonly cleanup: 'nothing' | 'retention' | 'compaction'
  /** With retention: fewer bytes than these are never left. */
  readonly retentionBytes?: number
}

export type Crash = 'kill' | 'power cut'

/** What clients know of a topic, and whether what is found behind a crash agrees with all of it. */
export class TopicHistory {
  readonly rules: TopicRules
  readonly #findings: Findings
  readonly #now: () => number
  readonly #partitions: PartitionHistory[]
  /** Where each publisher's records were found. */
  readonly #found = new Map<string, Map<number, Place>>()
  /** Acknowledged without their own offsets: by publisher and number, the highest that it may be. */
  readonly #owed = new Map<string, Map<number, Place>>()
  readonly #refused = new Map<string, Set<number>>()
  /** Retention took what no audit had seen. */
  #tookUnseen = false

  constructor(rules: TopicRules, findings: Findings, now: () => number) {
    this.rules = rules
    this.#findings = findings
    this.#now = now
    this.#partitions = Array.from({ length: rules.partitions }, () => new PartitionHistory())
  }

  /** How far the last audit read a partition. */
  auditedTo(partition: number): number {
    return this.#partitions[partition]?.auditedTo ?? 0
  }

  /** An answer said where a record is. */
  acknowledged(origin: Origin, place: Place, ground: 'fsync' | 'kernel'): void {
    const before = this.placeOf(origin)
    if (before !== undefined && !isSame(before, place))
      this.#violation(`${nameOf(origin)} was acknowledged at ${at(place)} and is at ${at(before)}`)
    this.#know(origin, place, ground)
  }

  /** An answer said that these are stored, at that place or before it. */
  acknowledgedUpTo(publisher: string, numbers: readonly number[], last: Place): void {
    const owed = this.#owed.get(publisher) ?? new Map<number, Place>()
    this.#owed.set(publisher, owed)
    for (const number of numbers) owed.set(number, last)
  }

  /** An answer said that nothing of it was stored. */
  refused(publisher: string, numbers: readonly number[]): void {
    const refused = this.#refused.get(publisher) ?? new Set()
    this.#refused.set(publisher, refused)
    for (const number of numbers) refused.add(number)
  }

  /** Somebody read it while the server ran: no crash may take it back. */
  delivered(record: ReadRecord): void {
    const origin = this.#checkedOrigin(record)
    if (origin !== undefined) this.#know(origin, record, 'read')
  }

  /** An answer that no client should get. */
  wrongAnswer(text: string): void {
    this.#violation(text)
  }

  placeOf({ publisher, number }: Origin): Place | undefined {
    return this.#found.get(publisher)?.get(number)
  }

  /** Takes a partition as it is now; `from` of the one before must be where that audit ended, or the log start. */
  audit(found: FoundPartition, crash: Crash): void {
    const history = this.#partitions[found.partition]
    if (history === undefined) return this.#violation(`there is a partition ${found.partition}`)
    this.#checkBounds(history, found)
    this.#checkCut(history, found, crash)
    this.#checkRecords(history, found, crash)
    if (found.logStartOffset > history.auditedTo) this.#tookUnseen = true
    history.logStartOffset = found.logStartOffset
    history.auditedTo = found.highWatermark
    for (const offset of history.known.keys()) if (offset < found.logStartOffset) history.known.delete(offset)
  }

  /** Behind the audit of all partitions. */
  finishAudit(): void {
    for (const [publisher, owed] of this.#owed) {
      for (const [number, last] of owed) {
        const isGone = last.offset < (this.#partitions[last.partition]?.logStartOffset ?? 0)
        if (isGone || this.placeOf({ publisher, number }) !== undefined) continue
        this.#findings.lost++
        this.#violation(`${publisher}/${number} was acknowledged up to ${at(last)} and is nowhere`)
      }
      owed.clear()
    }
  }

  /**
   * Requests that got no answer: whole or not there at all, and which. Only where nothing can have taken some of it away
   * since, and where a request goes to one log directory.
   */
  outcomeOf(publisher: string, numbers: readonly number[]): 'stored' | 'not stored' {
    const there = numbers.filter((number) => this.placeOf({ publisher, number }) !== undefined).length
    if (there > 0 && there < numbers.length && this.rules.cleanup !== 'compaction' && !this.#tookUnseen)
      this.#violation(`${there} of the ${numbers.length} records of a request of ${publisher} are stored`)
    return there > 0 ? 'stored' : 'not stored'
  }

  #checkBounds(
    history: PartitionHistory,
    { partition, logStartOffset, highWatermark, sizeBytes }: FoundPartition,
  ): void {
    const { cleanup, retentionBytes = 0 } = this.rules
    const label = `partition ${partition}`
    if (logStartOffset < history.logStartOffset)
      this.#violation(`${label} starts at ${logStartOffset} and had started at ${history.logStartOffset}`)
    if (logStartOffset > highWatermark) this.#violation(`${label} starts behind its end, ${highWatermark}`)
    if (cleanup !== 'retention' && logStartOffset > 0)
      this.#violation(`${label} starts at ${logStartOffset}, and nothing may take records from it`)
    if (cleanup === 'retention' && logStartOffset > 0 && sizeBytes < retentionBytes)
      this.#violation(`${label} was cut to ${sizeBytes} bytes, of ${retentionBytes} to be kept`)
  }

  /** Nothing that a client knows of may be behind the end. */
  #checkCut(history: PartitionHistory, { partition, highWatermark }: FoundPartition, crash: Crash): void {
    for (const [offset, known] of history.known) {
      if (offset < highWatermark) continue
      history.known.delete(offset)
      this.#lost(known, { partition, offset }, `the log ends at ${highWatermark}`, crash)
    }
  }

  #checkRecords(history: PartitionHistory, found: FoundPartition, crash: Crash): void {
    const { partition, from, highWatermark, logStartOffset, records } = found
    const whole = from <= logStartOffset
    if (whole) history.newest.clear()
    if (whole) history.newestByKey.clear()
    const there = new Set<number>()
    let next = Math.max(from, logStartOffset)
    for (const record of records) {
      const { offset } = record
      this.#findings.recordsChecked++
      if (offset < next) this.#violation(`${at(record)} comes behind ${next - 1}`)
      if (offset > next && this.rules.cleanup !== 'compaction')
        this.#violation(`the offsets ${next} to ${offset - 1} of partition ${partition} are missing`)
      next = offset + 1
      there.add(offset)
      this.#takeFound(history, record, crash)
    }
    if (next < highWatermark && this.rules.cleanup !== 'compaction')
      this.#violation(`the offsets ${next} to ${highWatermark - 1} of partition ${partition} are missing`)
    if (this.rules.cleanup === 'compaction') this.#checkCompacted(history, found, there, crash)
  }

  #takeFound(history: PartitionHistory, record: ReadRecord, crash: Crash): void {
    const origin = this.#checkedOrigin(record)
    if (origin === undefined) return
    const known = history.known.get(record.offset)
    if (known !== undefined && !isSameOrigin(known.origin, origin)) {
      history.known.delete(record.offset)
      this.#lost(known, record, `${nameOf(origin)} is there`, crash)
    }
    const newest = history.newest.get(origin.publisher) ?? -1
    if (origin.number <= newest)
      this.#violation(`${nameOf(origin)} at ${at(record)} stands behind ${origin.publisher}/${newest}`)
    history.newest.set(origin.publisher, Math.max(newest, origin.number))
    history.newestByKey.set(keyOf(origin), Math.max(history.newestByKey.get(keyOf(origin)) ?? -1, record.offset))
    this.#know(origin, record, 'read')
  }

  /** What is not there any more has a newer record of its key behind it. */
  #checkCompacted(history: PartitionHistory, found: FoundPartition, there: ReadonlySet<number>, crash: Crash): void {
    for (const [offset, known] of history.known) {
      if (offset < found.from || offset >= found.highWatermark || there.has(offset)) continue
      history.known.delete(offset)
      if ((history.newestByKey.get(keyOf(known.origin)) ?? -1) > offset) continue
      this.#lost(known, { partition: found.partition, offset }, 'and no newer one of its key is', crash)
    }
  }

  #checkedOrigin(record: ReadRecord): Origin | undefined {
    const origin = originOf(record.value)
    const sent = origin && loadRecord(origin)
    if (sent === undefined || sent.value !== record.value || sent.key !== record.key) {
      this.#violation(`${at(record)} holds what nobody sent: ${record.key} ${record.value.slice(0, 60)}`)
      return undefined
    }
    if (this.#refused.get(origin?.publisher ?? '')?.has(origin?.number ?? -1) === true)
      this.#violation(`${at(record)} holds ${record.value.slice(0, 60)}, which was refused with stored = no`)
    return origin
  }

  #know(origin: Origin, { partition, offset }: Place, ground: Ground): void {
    const history = this.#partitions[partition]
    if (history === undefined) return this.#violation(`${nameOf(origin)} is in partition ${partition}`)
    const known = history.known.get(offset)
    if (known !== undefined && !isSameOrigin(known.origin, origin))
      this.#violation(
        `${at({ partition, offset })} was ${nameOf(known.origin)} (${known.ground}) and is ${nameOf(origin)} (${ground})`,
      )
    if (known === undefined || known.ground === 'kernel') history.known.set(offset, { origin, ground, at: this.#now() })
    this.#place(origin, { partition, offset }, ground)
  }

  #place(origin: Origin, { partition, offset }: Place, ground: Ground): void {
    if (ground === 'kernel') return
    const own = this.#found.get(origin.publisher) ?? new Map<number, Place>()
    this.#found.set(origin.publisher, own)
    const before = own.get(origin.number)
    if (before === undefined) own.set(origin.number, { partition, offset })
    else if (!isSame(before, { partition, offset }))
      this.#violation(`${nameOf(origin)} is stored twice, at ${at(before)} and ${at({ partition, offset })}`)
  }

  /** What `acks=1` acknowledged, and nobody read, may go in a power cut: its place is given to others then. */
  #lost({ origin, ground, at: since }: Known, place: Place, reason: string, crash: Crash): void {
    if (ground === 'kernel' && crash === 'power cut') {
      this.#findings.lostAtAcksOne++
      return
    }
    const how = ground === 'read' ? 'read' : `acknowledged (${ground})`
    const ago = (this.#now() - since).toFixed(1)
    this.#findings.lost++
    this.#violation(`${nameOf(origin)} was ${how} at ${at(place)} ${ago} ms ago and is gone: ${reason}`)
  }

  #violation(text: string): void {
    this.#findings.violation(`${this.rules.topic}: ${text}`)
  }
}

class PartitionHistory {
  /** By offset, what clients know to be there. */
  readonly known = new Map<number, Known>()
  /** By publisher, the highest number that was found. */
  readonly newest = new Map<string, number>()
  /** By key, the highest offset that was found. */
  readonly newestByKey = new Map<string, number>()
  logStartOffset = 0
  auditedTo = 0
}

function isSame(a: Place, b: Place): boolean {
  return a.partition === b.partition && a.offset === b.offset
}

function isSameOrigin(a: Origin, b: Origin): boolean {
  return a.publisher === b.publisher && a.number === b.number
}

function nameOf({ publisher, number }: Origin): string {
  return `${publisher}/${number}`
}

function at({ partition, offset }: Place): string {
  return `${partition}@${offset}`
}

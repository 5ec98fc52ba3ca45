import type { Trouble } from '../../broker/engine.ts'
import type { ScrubDescription } from '../../broker/log-dir-description.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Segment } from '../log/segment.ts'
import type { SegmentDamage } from '../verify/segment-check.ts'

/** Damage in a segment, or that its file cannot be read at all. */
interface ScrubFinding {
  readonly log: PartitionLog
  /** The first offset behind what cannot be read. */
  readonly to: number
  /** Why the file cannot be read; absent for damage in it. */
  readonly unreadable?: { readonly segment: Segment; readonly reason: string }
}

/** How far the reading again of one log directory is, and what it has found. */
export class ScrubProgress {
  readonly #findings = new Map<string, ScrubFinding>()
  #scrubbedBytes = 0
  #passBytes = 0
  #passTotalBytes = 0
  #lastPassMs: number | undefined

  beginPass(): void {
    this.#passBytes = 0
    this.#passTotalBytes = 0
  }

  /** Part of the pass that begins. */
  expect(fileBytes: number): void {
    this.#passTotalBytes += fileBytes
  }

  endPass(nowMs: number): void {
    this.#lastPassMs = nowMs
  }

  /** A segment of the pass is done with. */
  passed(fileBytes: number): void {
    this.#passBytes += fileBytes
  }

  read(bytes: number): void {
    this.#scrubbedBytes += bytes
  }

  /** What a segment's batches were found to be before is known anew. */
  foundDamage(log: PartitionLog, baseOffset: number, damage: readonly SegmentDamage[]): void {
    this.#forget(log, baseOffset)
    for (const { from, to } of damage) this.#findings.set(`${nameOf(log, baseOffset)}/${from}`, { log, to })
  }

  /** Returns whether it was not known before. `to`: the first offset behind the segment. */
  foundUnreadable(log: PartitionLog, segment: Segment, to: number, reason: string): boolean {
    const name = `${nameOf(log, segment.baseOffset)}/unreadable`
    const isNew = this.#findings.get(name)?.unreadable?.reason !== reason
    this.#findings.set(name, { log, to, unreadable: { segment, reason } })
    return isNew
  }

  #forget(log: PartitionLog, baseOffset: number): void {
    const prefix = `${nameOf(log, baseOffset)}/`
    for (const name of this.#findings.keys()) if (name.startsWith(prefix)) this.#findings.delete(name)
  }

  /** @param readingBytes of the segment that is being read now */
  describe(state: ScrubDescription['state'], readingBytes: number): ScrubDescription {
    return {
      state,
      scrubbedBytes: this.#scrubbedBytes + readingBytes,
      passBytes: Math.min(this.#passBytes + readingBytes, this.#passTotalBytes),
      passTotalBytes: this.#passTotalBytes,
      lastFullPassAt: this.#lastPassMs ?? -1,
      findings: [...this.#findings.values()].filter(isStanding).length,
    }
  }

  /** Files that cannot be read. Damage in those that can is told by whoever reads for others. */
  *troubles(): Iterable<Trouble> {
    for (const finding of this.#findings.values()) {
      const { log, unreadable } = finding
      if (!unreadable || !isStanding(finding)) continue
      const detail =
        `${unreadable.segment.path} of partition ${log.partition} of ${log.topic} cannot be read: ` +
        `${unreadable.reason}. Its records are not served until it can be`
      yield { kind: 'segment-unreadable', detail, notReady: false }
    }
  }
}

/** Still part of a log. */
function isStanding({ log, to, unreadable }: ScrubFinding): boolean {
  if (log.dropped || to <= log.logStartOffset) return false
  return unreadable === undefined || log.segments.includes(unreadable.segment)
}

function nameOf({ topicId, partition }: PartitionLog, baseOffset: number): string {
  return `${topicId}/${partition}/${baseOffset}`
}

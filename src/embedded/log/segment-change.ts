import type { Segment, SegmentFacts } from './segment.ts'

/**
 * Segments that give way to others, or to none. In force for readers and for a restart at once, when a durable
 * checkpoint says so; until then nothing of the log has changed.
 */
export interface SegmentChange {
  /** Neighbours in the log, oldest first; never the active one. Where nothing is added: the oldest of the log. */
  readonly removed: readonly Segment[]
  /**
   * What takes their place, in offset order, each with the base offset of one that goes, the first with the first's.
   * Their files lie whole and synced under the name `cleaned`; their generations are from `nextGeneration`.
   */
  readonly added: readonly SegmentFacts[]
  /** Where compaction goes on next time; absent = as it was. */
  readonly firstDirtyOffset?: number
}

/** The generation of a segment that replaces these. */
export function nextGeneration(removed: readonly Segment[]): number {
  return removed.reduce((newest, { generation }) => Math.max(newest, generation), 0) + 1
}

/** A change as the log holds it until the checkpoint. */
export interface StagedChange {
  readonly removed: readonly Segment[]
  readonly added: readonly Segment[]
  readonly firstDirtyOffset: number | undefined
  /** The checkpoint is durable, the change in force. */
  applied: boolean
}

/** The segments behind the change; undefined where it does not fit (any more). */
export function changedSegments(segments: readonly Segment[], change: StagedChange): Segment[] | undefined {
  const { removed, added } = change
  const [first] = removed
  if (!first) return added.length === 0 ? [...segments] : undefined
  const at = segments.indexOf(first)
  const end = at + removed.length
  if (at < 0 || end >= segments.length || (added.length === 0 && at > 0)) return undefined
  if (removed.some((segment, place) => segments[at + place] !== segment || !isLaid(segment))) return undefined
  return [...segments.slice(0, at), ...added, ...segments.slice(end)]
}

function isLaid({ fileBytes, sizeBytes }: Segment): boolean {
  return fileBytes === sizeBytes
}

import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { ScannedEntry } from '../log/partition-recovery.ts'
import type { FencedRange } from '../log/partition-view.ts'
import { emptySegmentFacts } from '../log/segment.ts'

/** A stretch of a segment that rounds behind the checkpoint committed. */
export interface ExpectedPiece {
  readonly round: number
  readonly position: number
  readonly lengthBytes: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** The journal has the bytes, or, of a named piece, their CRC: then they are in the file alone. */
  readonly content: { readonly bytes: Buffer } | { readonly namedCrc: number }
}

export interface ExpectedSegment {
  readonly baseOffset: number
  readonly generation: number
  /** So much is in the file, durably. */
  readonly checkpointBytes: number
  /** With what the journal has behind the checkpoint. */
  readonly sizeBytes: number
  readonly endOffset: number
  readonly pieces: readonly ExpectedPiece[]
}

/** What a partition's log holds by checkpoint and journal: what a start would bring it to. */
export interface ExpectedPartition {
  readonly segments: readonly ExpectedSegment[]
  readonly logEndOffset: number
  readonly fenced: readonly FencedRange[]
  /** Stretches between the pieces, of which the journal has lost the rounds: what the files hold there counts. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
  /** What of the journal contradicts itself: a start would not get past it. */
  readonly contradiction: string | undefined
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Growing = Mutable<Omit<ExpectedSegment, 'pieces'>> & { readonly pieces: ExpectedPiece[] }

/**
 * Follows the rounds behind a checkpoint as recovery does, without touching a file.
 *
 * @param checkpoint undefined for a partition that was made since
 */
export function expectedPartition(
  checkpoint: CheckpointPartition | undefined,
  entries: readonly ScannedEntry[],
): ExpectedPartition {
  const segments = growingSegments(checkpoint)
  const gaps: { from: number; to: number }[] = []
  let end = checkpoint?.logEndOffset ?? 0
  let contradiction: string | undefined
  for (const { round, entry } of entries) {
    if (entry.lastOffset < end) continue
    let active = segments.at(-1)
    if (entry.segmentBaseOffset !== active?.baseOffset) {
      if (active) active.endOffset = entry.segmentBaseOffset
      active = growing(entry.segmentBaseOffset)
      segments.push(active)
    }
    const skipped = entry.firstOffset !== end
    if (skipped) gaps.push({ from: end, to: entry.firstOffset })
    if (!skipped && entry.position !== active.sizeBytes) {
      contradiction =
        `round ${round} puts offset ${entry.firstOffset} at byte ${entry.position} of segment ` +
        `${entry.segmentBaseOffset}, which ends at byte ${active.sizeBytes}`
      break
    }
    active.pieces.push({ round, ...entry })
    active.sizeBytes = entry.position + entry.lengthBytes
    end = entry.lastOffset + 1
  }
  const last = segments.at(-1)
  if (last) last.endOffset = end
  return { segments, logEndOffset: end, fenced: checkpoint?.fenced ?? [], gaps, contradiction }
}

function growingSegments(checkpoint: CheckpointPartition | undefined): Growing[] {
  const facts = checkpoint?.segments ?? [emptySegmentFacts(0, 0)]
  return facts.map(({ baseOffset, generation, sizeBytes }, place) => ({
    ...growing(baseOffset),
    generation,
    checkpointBytes: sizeBytes,
    sizeBytes,
    endOffset: facts[place + 1]?.baseOffset ?? checkpoint?.logEndOffset ?? 0,
  }))
}

function growing(baseOffset: number): Growing {
  return { baseOffset, generation: 0, checkpointBytes: 0, sizeBytes: 0, endOffset: baseOffset, pieces: [] }
}

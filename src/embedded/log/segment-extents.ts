import type { SegmentKey } from '../index/segment-index.ts'
import type { PartitionView, SegmentView } from './partition-view.ts'
import type { SegmentExtent } from './segment-cursor.ts'

/** The place of the segment with the greatest base offset at or below the offset. */
export function segmentPlace(segments: readonly SegmentView[], offset: number): number {
  let low = 0
  let high = segments.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((segments[middle]?.baseOffset ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}

export function extentOf(view: PartitionView, place: number): SegmentExtent {
  const segment = view.segments[place]
  if (!segment) throw new RangeError(`partition ${view.topic}-${view.partition} has no segment ${place}`)
  return {
    baseOffset: segment.baseOffset,
    generation: segment.generation,
    path: segment.path,
    fileBytes: segment.fileBytes,
    endOffset: view.segments[place + 1]?.baseOffset ?? logEndOf(view),
    fenced: view.fenced,
  }
}

/** While a round is being applied, the high watermark may be ahead. */
export function logEndOf(view: PartitionView): number {
  return Math.max(view.highWatermark, view.logEndOffset)
}

export function keyOf(view: PartitionView, extent: SegmentExtent): SegmentKey {
  return {
    topicId: view.topicId,
    partition: view.partition,
    segmentBaseOffset: extent.baseOffset,
    generation: extent.generation,
  }
}

/** Whether the segment is still what it was when its extent was taken. */
export function isInForce(view: PartitionView, extent: SegmentExtent): boolean {
  const segment = view.segments[segmentPlace(view.segments, extent.baseOffset)]
  return segment?.baseOffset === extent.baseOffset && segment.generation === extent.generation
}

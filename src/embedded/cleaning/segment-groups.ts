/** What grouping asks of a segment. */
export interface GroupedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
}

/** Offsets within a segment are kept relative to its base by Kafka's indexes, in 31 bits. */
const OFFSET_SPAN_MAX = 2 ** 31 - 1

/**
 * Cuts a log's segments, in offset order, into runs that become one segment each: Kafka's rule. The sizes are those
 * before cleaning, so that no new segment outgrows `segmentBytesMax` unless a single one did before.
 *
 * @param endOffset the first offset behind the last of them
 */
export function groupSegments<T extends GroupedSegment>(
  segments: readonly T[],
  segmentBytesMax: number,
  endOffset: number,
): T[][] {
  const groups: T[][] = []
  let group: T[] = []
  let groupBytes = 0
  segments.forEach((segment, place) => {
    const lastOffset = (segments[place + 1]?.baseOffset ?? endOffset) - 1
    const first = group[0]
    const fits =
      first !== undefined &&
      groupBytes + segment.sizeBytes <= segmentBytesMax &&
      lastOffset - first.baseOffset <= OFFSET_SPAN_MAX
    if (!fits) {
      group = []
      groups.push(group)
      groupBytes = 0
    }
    group.push(segment)
    groupBytes += segment.sizeBytes
  })
  return groups
}

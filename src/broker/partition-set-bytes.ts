import type { CursorReader, CursorWriter } from './cursor-bytes.ts'

/**
 * A set of partition numbers, as a map of bits from the first of them on, so that a share of a large topic stays small
 * however its partitions are spread:
 *
 * ```
 * length of the map in bytes (0 = no partitions) | first partition | map, lowest bit first
 * ```
 */
export function writePartitionSet(out: CursorWriter, partitions: readonly number[]): void {
  const first = partitions[0]
  const last = partitions.at(-1)
  if (first === undefined || last === undefined) {
    out.number(0)
    return
  }
  const map = Buffer.alloc(mapLength(first, last))
  for (const partition of partitions) {
    const bit = partition - first
    map[bit >> 3] = (map[bit >> 3] ?? 0) | (1 << (bit & 7))
  }
  out.number(map.length)
  out.number(first)
  out.raw(map)
}

export function readPartitionSet(from: CursorReader): number[] {
  const length = from.number()
  if (length === 0) return []
  const first = from.number()
  const map = from.raw(length)
  const partitions: number[] = []
  for (let bit = 0; bit < length * 8; bit += 1) {
    if (((map[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0) partitions.push(first + bit)
  }
  return partitions
}

/** At most so many bytes. */
export function partitionSetLength(partitions: readonly number[]): number {
  const first = partitions[0]
  const last = partitions.at(-1)
  return first === undefined || last === undefined ? 1 : 2 + 3 + mapLength(first, last)
}

function mapLength(first: number, last: number): number {
  return ((last - first) >> 3) + 1
}

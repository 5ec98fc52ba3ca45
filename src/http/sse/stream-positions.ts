import type { ReadCursor } from '../../broker/cursor.ts'

type Positions = ReadCursor['positions']

/** How a stand in a topic lies to another one of the same partitions; partitions are only ever added. */
export type Standing = 'same' | 'behind' | 'ahead'

export function standingOf(one: Positions, other: Positions): Standing {
  if (one.length > other.length) return 'ahead'
  let behind = one.length < other.length
  for (const [place, { offset }] of one.entries()) {
    const reached = other[place]?.offset ?? 0
    if (offset > reached) return 'ahead'
    if (offset < reached) behind = true
  }
  return behind ? 'behind' : 'same'
}

/** Positions as far as the bound goes. */
export function boundedBy(positions: Positions, bound: Positions): Positions {
  const ends = new Map(bound.map(({ partition, offset }) => [partition, offset]))
  return positions.map(({ partition, offset }) => ({
    partition,
    offset: Math.min(offset, ends.get(partition) ?? offset),
  }))
}

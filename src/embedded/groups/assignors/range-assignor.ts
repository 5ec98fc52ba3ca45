import type { AssignorInput } from './assignor.ts'

/**
 * Each topic by itself: its partitions in number order are cut into as many contiguous parts as it has subscribers, the
 * first ones larger by one where it does not come out even. Topics with as many partitions and the same subscribers are
 * thus co-partitioned: whoever owns partition 3 of one owns partition 3 of the other. Nothing is kept for its own sake.
 */
export function assignRange({ topics, previous }: AssignorInput): Int32Array {
  const owners = new Int32Array(previous.length).fill(-1)
  let partition = 0
  for (const { partitionCount, subscribers } of topics) {
    const members = subscribers.length
    const end = partition + partitionCount
    if (members > 0) {
      const size = Math.floor(partitionCount / members)
      const larger = partitionCount % members
      for (let m = 0, at = partition; m < members; m++) {
        const next = at + size + (m < larger ? 1 : 0)
        owners.fill(subscribers[m] ?? -1, at, next)
        at = next
      }
    }
    partition = end
  }
  return owners
}

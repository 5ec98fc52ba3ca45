/** Partitions by topic id: ascending numbers, no topic without any. Never changed once made. */
export type Assignment = ReadonlyMap<string, readonly number[]>

/** The same, and for each partition the epoch since which it is owned without a break: ascending numbers. */
export type Holdings = ReadonlyMap<string, ReadonlyMap<number, number>>

export const NO_PARTITIONS: Assignment = new Map()
export const NO_HOLDINGS: Holdings = new Map()

/** Collects partitions and gives them in order. */
export class HoldingsBuilder {
  readonly #topics = new Map<string, [partition: number, sinceEpoch: number][]>()

  add(topicId: string, partition: number, sinceEpoch: number): void {
    const partitions = this.#topics.get(topicId)
    if (partitions === undefined) this.#topics.set(topicId, [[partition, sinceEpoch]])
    else partitions.push([partition, sinceEpoch])
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  build(): Holdings {
    if (this.isEmpty) return NO_HOLDINGS
    const topics = [...this.#topics].sort(([a], [b]) => (a < b ? -1 : 1))
    return new Map(topics.map(([topicId, partitions]) => [topicId, new Map(partitions.sort(([a], [b]) => a - b))]))
  }
}

/** Every partition once, in order. */
export function* eachHolding(holdings: Holdings): Generator<[topicId: string, partition: number, sinceEpoch: number]> {
  for (const [topicId, partitions] of holdings) {
    for (const [partition, sinceEpoch] of partitions) yield [topicId, partition, sinceEpoch]
  }
}

/** Those of `holdings` that `keep` says yes to; the same object where it says so of all. */
export function filterHoldings(
  holdings: Holdings,
  keep: (topicId: string, partition: number, sinceEpoch: number) => boolean,
): Holdings {
  const kept = new HoldingsBuilder()
  let dropped = false
  for (const [topicId, partition, sinceEpoch] of eachHolding(holdings)) {
    if (keep(topicId, partition, sinceEpoch)) kept.add(topicId, partition, sinceEpoch)
    else dropped = true
  }
  return dropped ? kept.build() : holdings
}

export function sinceEpochOf(holdings: Holdings, topicId: string, partition: number): number | undefined {
  return holdings.get(topicId)?.get(partition)
}

export function sameHoldings(a: Holdings, b: Holdings): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others?.size !== partitions.size) return false
    for (const [partition, sinceEpoch] of partitions) if (others.get(partition) !== sinceEpoch) return false
  }
  return true
}

export function sameAssignment(a: Assignment, b: Assignment): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others?.length !== partitions.length) return false
    if (partitions.some((partition, index) => others[index] !== partition)) return false
  }
  return true
}

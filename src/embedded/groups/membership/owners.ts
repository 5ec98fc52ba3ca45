import { eachHolding, type Holdings } from './holdings.ts'
import type { Member } from './group-state.ts'

export type Owners = ReadonlyMap<string, readonly (string | undefined)[]>

/** Who owns which partition, changed without touching what it was made from; only topics that change are copied. */
export class OwnersDraft {
  readonly #base: Owners
  readonly #changed = new Map<string, (string | undefined)[]>()

  constructor(base: Owners) {
    this.#base = base
  }

  ownerOf(topicId: string, partition: number): string | undefined {
    return (this.#changed.get(topicId) ?? this.#base.get(topicId))?.[partition]
  }

  /** Takes away what is this member's, and nothing that another one has taken meanwhile. */
  release(memberId: string, holdings: Holdings): void {
    for (const [topicId, partition] of eachHolding(holdings)) {
      if (this.ownerOf(topicId, partition) === memberId) this.#topic(topicId)[partition] = undefined
    }
  }

  take(memberId: string, holdings: Holdings): void {
    for (const [topicId, partition] of eachHolding(holdings)) this.#topic(topicId)[partition] = memberId
  }

  build(): Owners {
    if (this.#changed.size === 0) return this.#base
    const owners = new Map(this.#base)
    for (const [topicId, partitions] of this.#changed) {
      if (partitions.some((owner) => owner !== undefined)) owners.set(topicId, partitions)
      else owners.delete(topicId)
    }
    return owners
  }

  #topic(topicId: string): (string | undefined)[] {
    let partitions = this.#changed.get(topicId)
    if (partitions === undefined) {
      partitions = [...(this.#base.get(topicId) ?? [])]
      this.#changed.set(topicId, partitions)
    }
    return partitions
  }
}

export function ownersOf(members: Iterable<Member>): Owners {
  const draft = new OwnersDraft(new Map())
  for (const { memberId, current } of members) {
    draft.take(memberId, current.assigned)
    draft.take(memberId, current.revoking)
  }
  return draft.build()
}

import assert from 'node:assert/strict'
import type { CommittedOffset } from '../../../../src/broker/group-coordinator.ts'
import type { MemberAnswer, MembershipDescription } from '../../../../src/broker/group-membership.ts'

/** Committed offsets of one group, as those who committed them know them. */
export class PromisedOffsets {
  readonly #promised = new Map<string, number>()
  readonly #asked = new Map<string, number>()

  asked(topicId: string, partition: number, nextOffset: number): void {
    raise(this.#asked, `${topicId}/${partition}`, nextOffset)
  }

  promised(topicId: string, partition: number, nextOffset: number): void {
    raise(this.#promised, `${topicId}/${partition}`, nextOffset)
  }

  check(found: readonly CommittedOffset[], isGone: (topicId: string) => boolean): void {
    const byPlace = new Map(found.map(({ topicId, partition, nextOffset }) => [`${topicId}/${partition}`, nextOffset]))
    for (const [place, promised] of this.#promised) {
      const [topicId = ''] = place.split('/')
      const committed = byPlace.get(place)
      if (committed === undefined) assert.ok(isGone(topicId), `the committed offset ${promised} of ${place} is lost`)
      else
        assert.ok(committed >= promised, `the committed offset of ${place} went back from ${promised} to ${committed}`)
    }
    for (const [place, committed] of byPlace) {
      assert.ok(committed <= (this.#asked.get(place) ?? -1), `nobody committed offset ${committed} of ${place}`)
      raise(this.#promised, place, committed)
    }
  }
}

function raise(values: Map<string, number>, place: string, value: number): void {
  values.set(place, Math.max(value, values.get(place) ?? 0))
}

/** A member as it knows itself. */
export class PromisedMember {
  readonly group: string
  readonly memberId: string
  /** The last answer; undefined while it is no member. */
  told: MemberAnswer | undefined
  /** A call is under way that changes what it has. */
  isChanging = false

  constructor(group: string, memberId: string) {
    this.group = group
    this.memberId = memberId
  }

  /** What it was told to own, and was not asked to let go of, it owns after a start. */
  check(group: MembershipDescription | undefined): void {
    const found = group?.members.find(({ memberId }) => memberId === this.memberId)
    if (this.isChanging) {
      this.isChanging = false
      this.told = undefined
      return
    }
    if (!this.told) return
    assert.ok(found, `${this.memberId} is no member any more`)
    const { memberEpoch, assignment } = this.told
    assert.ok(found.memberEpoch >= memberEpoch, `${this.memberId} went back from epoch ${memberEpoch}`)
    const owned = new Set([...found.assignment, ...found.revoking].flatMap(placesOf))
    for (const place of assignment.flatMap(placesOf)) assert.ok(owned.has(place), `${this.memberId} lost ${place}`)
  }
}

/** No partition is read by two. */
export function checkOwners(group: MembershipDescription | undefined): void {
  const owners = new Map<string, string>()
  for (const { memberId, assignment, revoking } of group?.members ?? []) {
    for (const place of [...assignment, ...revoking].flatMap(placesOf)) {
      assert.equal(owners.get(place), undefined, `${memberId} and ${owners.get(place)} both own ${place}`)
      owners.set(place, memberId)
    }
  }
}

function placesOf({ topicId, partitions }: { topicId: string; partitions: readonly number[] }): string[] {
  return partitions.map((partition) => `${topicId}/${partition}`)
}

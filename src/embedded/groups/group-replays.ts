import { groupPartition } from './group-partition.ts'
import type { GroupState } from './membership/group-state.ts'
import { GroupReplay } from './membership/group-replay.ts'
import { decodeGroupRecord } from './records/group-record-codec.ts'

/** The memberships of all groups, as their records are read back. */
export class GroupReplays {
  readonly #replays = new Map<string, GroupReplay>()

  /** Takes a record that is no committed offset; false if it fits no layout known. */
  play(key: Buffer, value: Buffer | null): boolean {
    const decoded = decodeGroupRecord(key, value)
    if (decoded === 'malformed') return false
    if (decoded === 'other') return true
    const { group, record } = decoded
    let replay = this.#replays.get(group)
    if (replay === undefined) {
      replay = new GroupReplay()
      this.#replays.set(group, replay)
    }
    replay.play(record)
    return true
  }

  /**
   * Gives the groups up that there are, each once, but those in partitions that could not be read to their end: what is
   * known of them may be old.
   */
  *states(
    unavailable: ReadonlySet<number>,
    partitionCount: number,
  ): Generator<readonly [group: string, state: GroupState]> {
    for (const [group, replay] of this.#replays) {
      this.#replays.delete(group)
      if (unavailable.has(groupPartition(group, partitionCount))) continue
      const state = replay.finish()
      if (state !== undefined) yield [group, state]
    }
  }
}

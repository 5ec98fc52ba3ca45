import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { Engine } from './engine.ts'
import type { OffsetCommit } from './group-coordinator.ts'
import { lagOf, type TopicPartition } from './group-lag.ts'
import type { MemberCommitAnswer, PartitionsOfTopic } from './group-membership.ts'
import type { MemberCursor } from './member-cursor.ts'
import { committedOffsets, type OffsetsByTopic } from './member-positions.ts'
import { stateOf } from './member-state.ts'
import { type CheckedCommit, checkCommits } from './offset-commit-check.ts'

export interface CommitItem extends TopicPartition {
  readonly nextOffset: number
  readonly lag: number | null
}

export interface MemberCommitsDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly offsetMetadataBytesMax: number
}

/** Commits of members: what a cursor holds, or offsets beside a cursor. */
export class MemberCommits {
  readonly #deps: MemberCommitsDependencies

  constructor(deps: MemberCommitsDependencies) {
    this.#deps = deps
  }

  /**
   * Rejects with STALE_MEMBER_EPOCH, which tells what was committed all the same, where some partitions are not the
   * member's any more. Partitions announced as revoking are let go of, as far as nothing that the cursor handed out of them
   * is left to be committed.
   */
  async commit(cursor: MemberCursor, named?: readonly OffsetCommit[]): Promise<readonly CommitItem[]> {
    const { engine, clock } = this.#deps
    const commits = await this.#checked(cursor, named)
    const isHeld = named === undefined ? () => true : heldIn(cursor)
    const offered = commits.filter(isHeld)
    const answers = await engine.membership.commit({
      ...stateOf(cursor),
      fetchAgeMs: Math.max(0, clock.now() - cursor.fetchTimeMs),
      released: releasedBy(cursor, commits, named !== undefined),
      offsets: offered.map(({ topic, topicId, partition, nextOffset, metadata }) => ({
        topic,
        topicId,
        partition,
        nextOffset,
        ...(metadata !== undefined && { metadata }),
      })),
    })
    const answerOf = new Map(offered.map((commit, index) => [commit, answers[index]]))
    const stored: OffsetsByTopic =
      offered.length === commits.length ? new Map() : committedOffsets(await engine.groups.committed(cursor.group))
    const standing = commits.map((commit) => answerOf.get(commit) ?? notHeld(stored, commit))
    return accepted(cursor, commits, standing)
  }

  async #checked(cursor: MemberCursor, named?: readonly OffsetCommit[]): Promise<readonly CheckedCommit[]> {
    const { engine, offsetMetadataBytesMax } = this.#deps
    const offsets = named ?? (await this.#positionsOf(cursor))
    const pointerOf = named === undefined ? () => '/cursor' : (index: number) => `/offsets/${index}`
    return checkCommits(engine, offsets, offsetMetadataBytesMax, pointerOf)
  }

  /** Of topics that are gone there is nothing to commit. */
  async #positionsOf({ topics }: MemberCursor): Promise<OffsetCommit[]> {
    const names = await topicNames(this.#deps.engine, topics)
    return topics.flatMap(({ topicId, positions }) => {
      const topic = names.get(topicId)
      if (topic === undefined) return []
      return positions.map(({ partition, offset }) => ({ topic, topicId, partition, nextOffset: offset }))
    })
  }
}

/** By id; the engine is asked again where it seems not to know one. */
async function topicNames(
  engine: Engine,
  topics: readonly { readonly topicId: string }[],
): Promise<ReadonlyMap<string, string>> {
  const known = (): ReadonlyMap<string, string> =>
    new Map(engine.topics.list().map(({ topicId, name }) => [topicId, name]))
  const names = known()
  if (topics.every(({ topicId }) => names.has(topicId))) return names
  await engine.topics.refresh()
  return known()
}

function notHeld(stored: OffsetsByTopic, { topic, topicId, partition, nextOffset }: CheckedCommit): MemberCommitAnswer {
  const committed = stored.get(topicId)?.get(partition) ?? -1
  if (committed >= nextOffset) return { topic, partition, nextOffset: committed }
  return { topic, partition, nextOffset: committed, errorCode: 'STALE_MEMBER_EPOCH' }
}

/** True for partitions that the member held when it got the cursor, as far as the cursor tells. */
function heldIn(cursor: MemberCursor): (commit: CheckedCommit) => boolean {
  if (!cursor.heldListed) return () => true
  const held = new Map(
    cursor.topics.map(({ topicId, held: assigned, revoking, positions }) => [
      topicId,
      new Set([...assigned, ...revoking, ...positions.map(({ partition }) => partition)]),
    ]),
  )
  return ({ topicId, partition }) => held.get(topicId)?.has(partition) === true
}

function releasedBy(
  { topics }: MemberCursor,
  commits: readonly CheckedCommit[],
  isPart: boolean,
): readonly PartitionsOfTopic[] {
  const upTo = committedOffsetsOf(commits)
  return topics.flatMap(({ topicId, revoking, positions }) => {
    const left = new Set(
      positions
        .filter(({ partition, offset }) => isPart && offset > (upTo.get(topicId)?.get(partition) ?? -1))
        .map(({ partition }) => partition),
    )
    const partitions = revoking.filter((partition) => !left.has(partition))
    return partitions.length === 0 ? [] : [{ topicId, partitions }]
  })
}

function committedOffsetsOf(commits: readonly CheckedCommit[]): OffsetsByTopic {
  const metadata = ''
  return committedOffsets(commits.map((commit) => ({ ...commit, metadata, commitTimestamp: 0 })))
}

function accepted(
  { group, memberId }: MemberCursor,
  commits: readonly CheckedCommit[],
  answers: readonly MemberCommitAnswer[],
): readonly CommitItem[] {
  const committed: CommitItem[] = []
  const refused: (TopicPartition & { nextOffset: number; code: string })[] = []
  answers.forEach(({ topic, partition, nextOffset, errorCode }, index) => {
    const commit = commits[index]
    if (errorCode !== undefined) {
      refused.push({ topic, partition, nextOffset: commit?.nextOffset ?? nextOffset, code: errorCode })
    } else committed.push({ topic, partition, nextOffset, lag: lagOf(nextOffset, commit?.endOffset ?? null) })
  })
  const [first] = refused
  if (first === undefined) return committed
  const code = refused.some((each) => each.code === 'STALE_MEMBER_EPOCH')
    ? 'STALE_MEMBER_EPOCH'
    : 'UNKNOWN_TOPIC_OR_PARTITION'
  const others = refused.length > 1 ? ` and ${refused.length - 1} more` : ''
  throw new BrokerError(
    code,
    `${first.topic}-${first.partition}${others} cannot be committed: member "${memberId}" of group "${group}" has not owned ` +
      `it without a break since this cursor. ${committed.length} other partitions are committed. Fetch with the newest ` +
      'cursor, and drop the records of the partitions refused: their present owner reads them again.',
    { facts: { committed, refused } },
  )
}

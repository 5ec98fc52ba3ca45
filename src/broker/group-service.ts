import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { CursorCodec } from './cursor.ts'
import { invalidCursor } from './cursor-bytes.ts'
import type { Engine, OffsetSpec } from './engine.ts'
import type { CommittedOffset, GroupSummary, OffsetCommit, OffsetCommitAnswer } from './group-coordinator.ts'
import { checkGroupId, foundGroup } from './group-id.ts'
import { type GroupOffset, groupOffset, lagOf, partitionEnds, type TopicPartition } from './group-lag.ts'
import { type ListPage, type ListRequest, type ListWarning, pageOf, partitionKey } from './list-page.ts'
import { type CheckedCommit, checkCommits } from './offset-commit-check.ts'
import type { GroupMemberService } from './group-member-service.ts'
import type { MemberDescription } from './group-membership.ts'
import type { CommitItem } from './member-commits.ts'
import { shownPartitions, type ShownPartitions } from './member-state.ts'
import type { OffsetService } from './offset-service.ts'
import { lookUpTopic } from './topic-lookup.ts'
import type { TopicSummary } from './topic-store.ts'
import { parsePosition } from './time-expression.ts'

export interface GroupDescription extends GroupSummary {
  /** Raised by whatever changes what members are to own; 0 where the group never had members. */
  readonly groupEpoch: number
  /** The group epoch that the target assignment is of. */
  readonly assignmentEpoch: number
  /** null where the group never had members. */
  readonly assignor: string | null
  readonly members: readonly DescribedMember[]
  readonly offsets: readonly GroupOffset[]
}

export interface DescribedMember extends Omit<MemberDescription, 'assignment' | 'revoking' | 'target'> {
  readonly assignment: readonly ShownPartitions[]
  readonly revoking: readonly ShownPartitions[]
  /** What it is to own when all members have followed. */
  readonly target: readonly ShownPartitions[]
}

export interface GroupList extends ListPage<GroupSummary> {
  /** Why groups are not in the list; absent where all are. */
  readonly warnings?: readonly ListWarning[]
}

/** What to commit: everything before the positions of a cursor, or the offsets named. */
export interface CommitRequest {
  readonly cursor?: string | undefined
  readonly offsets?: readonly OffsetCommit[] | undefined
}

/** Either topics and where to, or offsets. */
export interface ResetRequest {
  readonly topics?: readonly string[] | undefined
  /** `earliest`, `latest` or a time; where no record is at or after the time, the end. */
  readonly to?: string | undefined
  readonly offsets?: readonly OffsetCommit[] | undefined
}

export interface ResetItem extends TopicPartition {
  /** null where nothing was committed. */
  readonly from: number | null
  readonly to: number
  readonly endOffset: number | null
}

export interface GroupServiceDependencies {
  readonly engine: Engine
  readonly clock: Clock
  readonly cursors: CursorCodec
  readonly offsets: OffsetService
  /** `offset.metadata.max.bytes` */
  readonly offsetMetadataBytesMax: number
  readonly members: GroupMemberService
}

/** Consumer groups and what they committed. */
export class GroupService {
  readonly #deps: GroupServiceDependencies

  constructor(deps: GroupServiceDependencies) {
    this.#deps = deps
  }

  /** Sorted by id. */
  async list(request: ListRequest): Promise<GroupList> {
    const { engine, cursors } = this.#deps
    const warnings: ListWarning[] = []
    const groups = await engine.groups.list(({ code, message }) => void warnings.push({ code, detail: message }))
    const page = pageOf(groups, ({ group }) => group, 'consumer-groups', request, cursors)
    return warnings.length === 0 ? page : { ...page, warnings }
  }

  async describe(group: string): Promise<GroupDescription> {
    const summary = await foundGroup(this.#deps.engine, group)
    const membership = await this.#deps.engine.membership.describe(group)
    return {
      ...summary,
      groupEpoch: membership?.groupEpoch ?? 0,
      assignmentEpoch: membership?.assignmentEpoch ?? 0,
      assignor: membership?.assignor ?? null,
      members: membership?.members.map(described) ?? [],
      offsets: await this.#groupOffsets(await this.#entries(group)),
    }
  }

  async delete(group: string): Promise<void> {
    await foundGroup(this.#deps.engine, group)
    await this.#deps.engine.groups.delete(group)
  }

  /**
   * All partitions of the topics that the group has committed offsets for or is subscribed to, or of the one named: also
   * those without a commit, for their records wait as well.
   */
  async offsets(group: string, request: ListRequest & { topic?: string | undefined }): Promise<ListPage<GroupOffset>> {
    const { engine, cursors } = this.#deps
    await foundGroup(engine, group)
    const entries = await this.#entries(group, request.topic)
    // The separator is below every character of a topic name, so that the keys sort as topics and partitions do.
    const pageKeyOf = ({ topic, partition }: TopicPartition): string => `${topic} ${partitionKey(partition)}`
    const list = `offsets of ${group}${request.topic === undefined ? '' : ` for ${request.topic}`}`
    const page = pageOf(entries, pageKeyOf, list, request, cursors)
    return { items: await this.#groupOffsets(page.items), nextCursor: page.nextCursor }
  }

  /** Durable when it resolves. A commit never moves a group back: one that is older changes nothing. */
  async commit(group: string, request: CommitRequest): Promise<readonly CommitItem[]> {
    checkGroupId(group)
    const { cursors, members } = this.#deps
    const { cursor, offsets: named } = request
    if (cursor !== undefined && cursors.kindOf(cursor, '/cursor') === 'member') {
      return members.commit(group, { cursor, offsets: named })
    }
    const held = cursor === undefined ? undefined : await this.#positionsOf(group, cursor)
    const offsets = named ?? held
    if (offsets === undefined) throw oneOf('"cursor" or "offsets"', ['/cursor', '/offsets'])
    const pointerOf = named === undefined ? () => '/cursor' : (index: number) => `/offsets/${index}`
    const checked = await this.#checked(offsets, pointerOf)
    const answers = stored(await this.#deps.engine.groups.commit(group, checked, 'advance'))
    return answers.map(({ topic, partition, nextOffset }, index) => ({
      topic,
      partition,
      nextOffset,
      lag: lagOf(nextOffset, checked[index]?.endOffset ?? null),
    }))
  }

  /** Sets committed offsets, also backwards; with `dryRun` only says what it would do. */
  async reset(group: string, request: ResetRequest, dryRun: boolean): Promise<readonly ResetItem[]> {
    checkGroupId(group)
    const targets = await this.#resetTargets(request)
    const before = committedByPartition(await this.#deps.engine.groups.committed(group))
    if (dryRun) await this.#refuseWithMembers(group)
    else stored(await this.#deps.engine.groups.commit(group, targets, 'set'))
    return targets.map(({ topic, partition, nextOffset, endOffset }) => ({
      topic,
      partition,
      from: before.get(keyOf(topic, partition))?.nextOffset ?? null,
      to: nextOffset,
      endOffset,
    }))
  }

  /** Forgets what was committed for one topic, or for all. The group is gone when nothing is left. */
  async forget(group: string, topic?: string): Promise<void> {
    const { engine } = this.#deps
    await foundGroup(engine, group)
    if (topic === undefined) await engine.groups.forget(group)
    else await engine.groups.forget(group, [(await lookUpTopic(engine, topic, { pointer: '?topic' })).name])
  }

  /** Sorted by topic and partition, with what is committed. */
  async #entries(
    group: string,
    topic?: string,
  ): Promise<{ topic: string; partition: number; committed?: CommittedOffset }[]> {
    const { engine } = this.#deps
    const committed = await engine.groups.committed(group)
    const byPartition = committedByPartition(committed)
    const topics =
      topic === undefined
        ? await this.#topicsOf(group, committed)
        : [(await lookUpTopic(engine, topic, { pointer: '?topic' })).name]
    await this.#lookForUnknown(topics)
    return topics.flatMap((name) =>
      Array.from({ length: engine.topics.find(name)?.partitionCount ?? 0 }, (_, partition) => {
        const offset = byPartition.get(keyOf(name, partition))
        return { topic: name, partition, ...(offset !== undefined && { committed: offset }) }
      }),
    )
  }

  /** Others may have made them since the engine last looked; those that it may not see are left out. */
  async #lookForUnknown(names: readonly string[]): Promise<void> {
    const { topics } = this.#deps.engine
    for (const name of names) {
      if (topics.find(name) !== undefined) continue
      await topics.refresh(name).catch((error: unknown) => {
        if (!(error instanceof BrokerError)) throw error
      })
    }
  }

  async #topicsOf(group: string, committed: readonly CommittedOffset[]): Promise<readonly string[]> {
    const members = (await this.#deps.engine.membership.describe(group))?.members ?? []
    const topics = [...committed.map(({ topic }) => topic), ...members.flatMap((member) => member.topics)]
    return [...new Set(topics)].sort()
  }

  /** What a reset would meet. */
  async #refuseWithMembers(group: string): Promise<void> {
    const count = (await this.#deps.engine.groups.find(group))?.memberCount ?? 0
    if (count === 0) return
    throw new BrokerError(
      'NON_EMPTY_GROUP',
      `Group "${group}" has ${count} ${count === 1 ? 'member' : 'members'}: let them leave before offsets are reset.`,
    )
  }

  async #groupOffsets(
    entries: readonly (TopicPartition & { committed?: CommittedOffset })[],
  ): Promise<readonly GroupOffset[]> {
    const ends = await partitionEnds(this.#deps.engine, entries)
    return entries.map((entry, index) => groupOffset(entry, entry.committed, ends[index]))
  }

  async #positionsOf(group: string, text: string): Promise<OffsetCommit[]> {
    const cursor = this.#deps.cursors.decodeRead(text, 'group', '/cursor')
    if (cursor.group !== group) throw invalidCursor(`it belongs to another consumer group than "${group}"`, '/cursor')
    const { topics } = this.#deps.engine
    const find = (): TopicSummary | undefined => topics.list().find(({ topicId }) => topicId === cursor.topicId)
    if (find() === undefined) await topics.refresh()
    const topic = find()
    if (topic === undefined) {
      throw new BrokerError(
        'UNKNOWN_TOPIC_ID',
        `The cursor is of a topic with the id ${cursor.topicId}, which is gone: fetch again without a cursor.`,
        { stored: 'no', errors: [{ pointer: '/cursor', detail: 'The topic of this cursor was deleted.' }] },
      )
    }
    const { name, topicId } = topic
    return cursor.positions.map(({ partition, offset }) => ({ topic: name, topicId, partition, nextOffset: offset }))
  }

  #checked(offsets: readonly OffsetCommit[], pointerOf: (index: number) => string): Promise<readonly CheckedCommit[]> {
    return checkCommits(this.#deps.engine, offsets, this.#deps.offsetMetadataBytesMax, pointerOf)
  }

  async #resetTargets(request: ResetRequest): Promise<readonly CheckedCommit[]> {
    const { topics, to, offsets } = request
    if (offsets !== undefined && topics === undefined && to === undefined) {
      return this.#checked(offsets, (index) => `/offsets/${index}`)
    }
    if (offsets !== undefined || topics === undefined || to === undefined) {
      throw oneOf('"topics" together with "to", or "offsets"', ['/topics', '/to', '/offsets'])
    }
    const at = parsePosition(to, this.#deps.clock.now(), '/to')
    const names = [...new Set(topics)]
    const targets: OffsetCommit[] = []
    for (const name of names) targets.push(...(await this.#startsOf(name, at)))
    return this.#checked(targets, () => '/topics')
  }

  async #startsOf(name: string, at: OffsetSpec): Promise<OffsetCommit[]> {
    const { topicId, partitionCount } = await lookUpTopic(this.#deps.engine, name, { pointer: '/topics' })
    const partitions = Array.from({ length: partitionCount }, (_, partition) => partition)
    const starts = await this.#deps.offsets.starts(name, partitions, at)
    return starts.map(({ partition, offset }) => ({ topic: name, topicId, partition, nextOffset: offset }))
  }
}

function described(member: MemberDescription): DescribedMember {
  const { assignment, revoking, target } = member
  return {
    ...member,
    assignment: shownPartitions(assignment),
    revoking: shownPartitions(revoking),
    target: shownPartitions(target),
  }
}

function committedByPartition(committed: readonly CommittedOffset[]): ReadonlyMap<string, CommittedOffset> {
  return new Map(committed.map((offset) => [keyOf(offset.topic, offset.partition), offset]))
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** The entries were checked, so an error in one is of something that happened meanwhile: a topic deleted. */
function stored(answers: readonly OffsetCommitAnswer[]): readonly OffsetCommitAnswer[] {
  for (const { error } of answers) if (error !== undefined) throw error
  return answers
}

function oneOf(what: string, pointers: readonly string[]): BrokerError {
  const detail = `The body has to have ${what}.`
  return new BrokerError('INVALID_REQUEST', detail, {
    stored: 'no',
    errors: pointers.map((pointer) => ({ pointer, detail })),
  })
}

import type { MemberCommitAnswer, MemberCommitRequest } from '../../broker/group-membership.ts'
import { refusal } from '../kafka-errors.ts'
import type { GroupRequests } from './group-requests.ts'
import type { GroupTopics } from './group-topics.ts'
import { memberIn } from './known-members.ts'
import { fencedInstance, unknownMember } from './member-errors.ts'
import { holds } from './partition-sets.ts'

type Offset = MemberCommitRequest['offsets'][number]
type Refusal = NonNullable<MemberCommitAnswer['errorCode']>

const STORED = 0
const UNKNOWN_MEMBER_ID = 25
const FENCED_INSTANCE_ID = 82
const STALE_MEMBER_EPOCH = 113
const refusals: ReadonlyMap<number, Refusal> = new Map<number, Refusal>([
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [12, 'OFFSET_METADATA_TOO_LARGE'],
  [STALE_MEMBER_EPOCH, 'STALE_MEMBER_EPOCH'],
])

/**
 * One commit of a member. Kafka stores any offset, also one further back, so the committed ones are read first: between
 * the two another call of the same member may commit, and be undone by this one.
 */
export class MemberCommit {
  readonly #requests: GroupRequests
  readonly #topics: GroupTopics
  readonly #request: MemberCommitRequest

  constructor(requests: GroupRequests, topics: GroupTopics, request: MemberCommitRequest) {
    this.#requests = requests
    this.#topics = topics
    this.#request = request
  }

  async store(): Promise<readonly MemberCommitAnswer[]> {
    const { group, offsets } = this.#request
    const committed = new Map(
      (await this.#requests.committed(group)).map(({ topic, partition, nextOffset }) => [
        `${topic}/${partition}`,
        nextOffset,
      ]),
    )
    const before = ({ topic, partition }: Offset): number => committed.get(`${topic}/${partition}`) ?? -1
    const isThere = ({ topic, topicId, partition }: Offset): boolean => this.#topics.idOf(topic, partition) === topicId
    const ahead = offsets.filter((offset) => isThere(offset) && offset.nextOffset > before(offset))
    const codes = new Map<Offset, number>()
    const answers = await this.#stored(ahead)
    const isDoubted = answers.some((code) => code === UNKNOWN_MEMBER_ID || code === STALE_MEMBER_EPOCH)
    if (ahead.length === 0 || isDoubted) await this.#checkMember()
    ahead.forEach((offset, index) => codes.set(offset, answers[index] ?? STORED))
    return offsets.map((offset): MemberCommitAnswer => {
      const { topic, partition, nextOffset } = offset
      if (!isThere(offset)) return { topic, partition, nextOffset: -1, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' }
      const code = codes.get(offset)
      if (code === undefined) return { topic, partition, nextOffset: before(offset) }
      if (code === STORED) return { topic, partition, nextOffset }
      return { topic, partition, nextOffset: before(offset), errorCode: this.#refused(code) }
    })
  }

  /** Kafka refuses all where the epoch is too old for one: those that the member owns still are sent again by themselves. */
  async #stored(offsets: readonly Offset[]): Promise<readonly number[]> {
    const { group, memberId, memberEpoch, instanceId = null } = this.#request
    const by = { memberId, memberEpoch, instanceId }
    const codes = await this.#requests.commit(group, by, offsets)
    if (codes.length < 2 || !codes.every((code) => code === STALE_MEMBER_EPOCH)) return codes
    const members = (await this.#requests.consumerGroup(group))?.members ?? []
    const member = members.find((each) => each.memberId === memberId)
    const isOwned = holds(this.#topics.ids(member?.assignment.topicPartitions ?? []))
    const owned = offsets.filter(({ topicId, partition }) => isOwned(topicId, partition))
    if (owned.length === 0 || owned.length === offsets.length) return codes
    const again = await this.#requests.commit(group, by, owned)
    return offsets.map((offset) => again[owned.indexOf(offset)] ?? STALE_MEMBER_EPOCH)
  }

  /** Kafka checks nothing where nothing is stored, and nowhere whether a static member has left or was taken over. */
  async #checkMember(): Promise<void> {
    memberIn(await this.#requests.consumerGroup(this.#request.group), this.#request)
  }

  #refused(code: number): Refusal {
    const known = refusals.get(code)
    if (known !== undefined) return known
    if (code === UNKNOWN_MEMBER_ID) throw unknownMember(this.#request)
    if (code === FENCED_INSTANCE_ID) throw fencedInstance(this.#request)
    throw refusal(code, `offsets of the group "${this.#request.group}"`)
  }
}

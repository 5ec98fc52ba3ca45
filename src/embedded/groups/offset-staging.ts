import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { CommitMode, OffsetCommit, OffsetCommitAnswer } from '../../broker/group-coordinator.ts'
import type { MemberCommitAnswer, MemberCommitRequest } from '../../broker/group-membership.ts'
import type { TopicStore, TopicSummary } from '../../broker/topic-store.ts'
import type { OffsetRow } from './offset-table.ts'
import type { StagedOffsets } from './staged-offsets.ts'

type MemberOffset = MemberCommitRequest['offsets'][number]

/** So that whoever commits at each poll does not write at each: half of the shortest time that offsets can be kept for. */
const RENEWED_AFTER_MS = 30_000

/** Decides which offsets may be stored, and stages them. Offsets belong to a topic id: those of a topic gone are hidden. */
export class OffsetStaging {
  readonly #topics: Pick<TopicStore, 'find'>
  readonly #clock: Clock
  readonly #metadataMax: number

  /** @param metadataMax `offset.metadata.max.bytes` */
  constructor(topics: Pick<TopicStore, 'find'>, clock: Clock, metadataMax: number) {
    this.#topics = topics
    this.#clock = clock
    this.#metadataMax = metadataMax
  }

  /** Whether readers can see it. */
  isLive(row: Pick<OffsetRow, 'topic' | 'topicId'>): boolean {
    return this.#topics.find(row.topic)?.topicId === row.topicId
  }

  stage(staged: StagedOffsets, offset: OffsetCommit, mode: CommitMode): OffsetCommitAnswer {
    const { topic, topicId, partition, nextOffset } = offset
    const found = this.#topics.find(topic)
    const live = topicId === undefined || topicId === found?.topicId ? found : undefined
    const standing = standingOffset(staged, offset, live)
    const error = this.#refusal(offset, live)
    if (error !== undefined || live === undefined) {
      return { topic, partition, nextOffset: standing, ...(error === undefined ? {} : { error }) }
    }
    const stays = mode === 'initial' ? standing >= 0 : mode === 'advance' && standing >= nextOffset
    if (stays) {
      if (mode === 'advance' && standing === nextOffset) this.#renew(staged, offset)
      return { topic, partition, nextOffset: standing }
    }
    this.#put(staged, offset, live)
    return { topic, partition, nextOffset }
  }

  /** @param owned whether the member may commit this partition */
  stageOfMember(staged: StagedOffsets, offset: MemberOffset, owned: boolean): MemberCommitAnswer {
    const { topic, topicId, partition, nextOffset } = offset
    const found = this.#topics.find(topic)
    const live = found?.topicId === topicId ? found : undefined
    const standing = standingOffset(staged, offset, live)
    const answer = { topic, partition, nextOffset: standing }
    if (live === undefined || partition >= live.partitionCount) {
      return { ...answer, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' }
    }
    if (standing >= nextOffset) {
      if (owned && standing === nextOffset) this.#renew(staged, offset)
      return answer
    }
    if (!owned) return { ...answer, errorCode: 'STALE_MEMBER_EPOCH' }
    if (this.isMetadataTooLarge(offset)) return { ...answer, errorCode: 'OFFSET_METADATA_TOO_LARGE' }
    this.#put(staged, offset, live)
    return { ...answer, nextOffset }
  }

  isMetadataTooLarge({ metadata = '' }: { readonly metadata?: string | undefined }): boolean {
    return metadata.length > this.#metadataMax
  }

  /** Stages what is concerned to be forgotten; returns how many offsets that readers can see. */
  stageRemoval(staged: StagedOffsets, concerned: (row: OffsetRow) => boolean): number {
    let count = 0
    for (const row of staged.rows()) {
      if (!concerned(row)) continue
      if (this.isLive(row)) count++
      staged.remove(row.topic, row.partition)
    }
    return count
  }

  /** Who commits the same offset again still wants it: its age counts from now. */
  #renew(staged: StagedOffsets, { topic, partition }: OffsetCommit | MemberOffset): void {
    const row = staged.get(topic, partition)
    const now = this.#clock.now()
    if (row && now - row.commitTimestamp >= RENEWED_AFTER_MS) staged.put({ ...row, commitTimestamp: now })
  }

  #put(staged: StagedOffsets, offset: OffsetCommit | MemberOffset, { topicId }: TopicSummary): void {
    const { topic, partition, nextOffset, metadata = '' } = offset
    staged.put({ topic, topicId, partition, nextOffset, metadata, commitTimestamp: this.#clock.now() })
  }

  #refusal(offset: OffsetCommit, live: TopicSummary | undefined): BrokerError | undefined {
    const { topic, partition, metadata = '' } = offset
    if (live === undefined && this.#topics.find(topic) !== undefined) {
      const detail = `The topic ${JSON.stringify(topic)} was deleted and created again: offsets of before mean nothing in it.`
      return new BrokerError('UNKNOWN_TOPIC_ID', detail)
    }
    if (live === undefined) {
      return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${JSON.stringify(topic)}.`)
    }
    if (partition >= live.partitionCount) {
      const range = `its partitions are 0 to ${live.partitionCount - 1}`
      return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${topic} has no partition ${partition}: ${range}.`)
    }
    if (this.isMetadataTooLarge(offset)) {
      return new BrokerError(
        'OFFSET_METADATA_TOO_LARGE',
        `The metadata has ${metadata.length} characters; offset.metadata.max.bytes allows ${this.#metadataMax}.`,
      )
    }
    return undefined
  }
}

/** What is committed for the topic of that name which exists; −1 if nothing is. */
function standingOffset(
  staged: StagedOffsets,
  { topic, partition }: { readonly topic: string; readonly partition: number },
  live: TopicSummary | undefined,
): number {
  const present = staged.get(topic, partition)
  return present !== undefined && present.topicId === live?.topicId ? present.nextOffset : -1
}

import type { PromisedMember } from './promised-groups.ts'
import { type Life, READERS, TEAM } from './world.ts'

const SUBSCRIBED = ['steady', 'timed']

/** Commits for a group without members. */
export function commit({ world, engine }: Life): void {
  const summary = world.pick(engine.topics.list().filter(({ internal }) => !internal))
  const topic = summary && world.topics.byId(summary.topicId)
  const offsets = world.offsets.get(READERS)
  if (!topic || !offsets) return
  const partition = world.whole(topic.partitions.length)
  const nextOffset = world.pick(topic.partitions[partition]?.keptOffsets ?? []) ?? 0
  offsets.asked(topic.topicId, partition, nextOffset)
  const entry = { topic: topic.name, partition, nextOffset }
  world.ask(engine.groups.commit(READERS, [entry], 'advance'), (answers) => {
    for (const answer of answers) {
      if (answer.error) world.lawful(answer.error)
      else offsets.promised(topic.topicId, partition, answer.nextOffset)
    }
    world.counts.commits++
  })
}

/** One member joins, lives on, commits or leaves. */
export function beMember(life: Life): void {
  const { world } = life
  const member = world.pick(world.members)
  if (!member || member.isChanging) return
  const chance = world.random()
  if (!member.told) join(life, member)
  else if (chance < 0.4) heartbeat(life, member)
  else if (chance < 0.85) commitAs(life, member)
  else leave(life, member)
}

function join({ world, engine }: Life, member: PromisedMember): void {
  const { group, memberId } = member
  member.isChanging = true
  const request = { group, memberId, topics: SUBSCRIBED, maxPollIntervalMs: 3_600_000 }
  world.ask(engine.membership.join(request), (answer) => {
    member.told = answer
    member.isChanging = false
    world.counts.joins++
  })
}

function heartbeat({ world, engine }: Life, member: PromisedMember): void {
  const { group, memberId, told } = member
  if (!told) return
  member.isChanging = true
  const { memberEpoch, assignment: held, revoking } = told
  const request = { group, memberId, memberEpoch, held, announced: revoking, released: revoking }
  world.ask(engine.membership.heartbeat(request), (answer) => {
    member.told = answer
    member.isChanging = false
  })
}

function commitAs({ world, engine }: Life, { group, memberId, told }: PromisedMember): void {
  const owned = world.pick(told?.assignment ?? [])
  const partition = world.pick(owned?.partitions ?? [])
  const offsets = world.offsets.get(TEAM)
  if (!told || !owned || partition === undefined || !offsets) return
  const { topicId, topic } = owned
  const nextOffset = world.pick(world.topics.byId(topicId)?.partitions[partition]?.keptOffsets ?? []) ?? 0
  offsets.asked(topicId, partition, nextOffset)
  const { memberEpoch } = told
  const request = { group, memberId, memberEpoch, offsets: [{ topic, topicId, partition, nextOffset }] }
  world.ask(engine.membership.commit(request), (answers) => {
    for (const { errorCode, nextOffset: stands } of answers) {
      if (errorCode === undefined && stands >= 0) offsets.promised(topicId, partition, stands)
    }
    world.counts.commits++
  })
}

function leave({ world, engine }: Life, member: PromisedMember): void {
  const { group, memberId } = member
  member.isChanging = true
  world.ask(engine.membership.leave({ group, memberId }), () => {
    member.told = undefined
    member.isChanging = false
  })
}

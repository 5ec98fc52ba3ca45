import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { targetOf } from '../../../../src/embedded/groups/membership/group-state.ts'
import type { Assignment } from '../../../../src/embedded/groups/membership/holdings.ts'
import { GroupModel, keyOf } from './group-model.ts'

const memberIds = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
const instanceIds = [undefined, undefined, undefined, 'i', 'j'] as const
const topicNames = ['t1', 't2', 't3'] as const
const assignorNames = [undefined, undefined, 'uniform', 'range'] as const

/** Shown by fast-check when a sequence fails. */
interface Command {
  (model: GroupModel): void
  [fc.toStringMethod](): string
}

function command(name: string, facts: unknown, run: (model: GroupModel) => void): Command {
  return Object.assign((model: GroupModel) => run(model), {
    [fc.toStringMethod]: () => `${name} ${JSON.stringify(facts)}`,
  })
}

const member = fc.constantFrom(...memberIds)
const topic = fc.constantFrom(...topicNames)
const joins = fc.record({
  memberId: member,
  instanceId: fc.constantFrom(...instanceIds),
  topics: fc.subarray([...topicNames], { minLength: 1 }),
  assignor: fc.constantFrom(...assignorNames),
})
/** How far back from the newest a client's cursor is: nearly always it has the newest. */
const age = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(12) })
const release = fc.constantFrom('all', 'all', 'some', 'none')

function cursorOf(model: GroupModel, memberId: string, back: number) {
  const cursors = model.cursors.filter((cursor) => cursor.memberId === memberId)
  return cursors[Math.max(0, cursors.length - 1 - back)]
}

function releasedOf(cursor: ReturnType<typeof cursorOf>, how: string) {
  const revoking = cursor?.revoking ?? []
  if (how === 'none') return []
  if (how === 'all') return revoking
  return revoking.slice(0, 1).map((each) => ({ ...each, partitions: each.partitions.slice(0, 1) }))
}

const joining = fc
  .tuple(joins, fc.boolean(), fc.nat(9))
  .map(([request, delivered, luck]) =>
    command('join', { ...request, delivered, written: luck > 0 }, (model) => model.join(request, delivered, luck > 0)),
  )

const heartbeating = fc.tuple(member, age, release, fc.nat(4)).map(([memberId, back, how, luck]) =>
  command('heartbeat', { memberId, back, how, delivered: luck > 0 }, (model) => {
    const cursor = cursorOf(model, memberId, back)
    if (cursor !== undefined) model.heartbeat(cursor, releasedOf(cursor, how), luck > 0)
  }),
)

/** Calls that arrive while a write is under way are decided together. */
const together = fc
  .tuple(fc.uniqueArray(member, { minLength: 2, maxLength: 4 }), fc.array(joins, { maxLength: 2 }), release)
  .map(([chosen, requests, how]) =>
    command('together', { chosen, requests, how }, (model) => {
      const cursors = chosen.flatMap((memberId) => model.newest(memberId) ?? [])
      const dynamic = requests.filter(({ memberId }) => !chosen.includes(memberId)).slice(0, 1)
      model.perform([
        ...cursors.map((cursor) => model.heartbeating(cursor, releasedOf(cursor, how))),
        ...dynamic.map((request) => model.joining({ ...request, instanceId: undefined })),
      ])
    }),
  )

const committing = fc
  .tuple(member, fc.nat(12), topic, fc.nat(3), release)
  .map(([memberId, back, name, partition, how]) =>
    command('commit', { memberId, back, name, partition, how }, (model) => {
      const cursor = cursorOf(model, memberId, back)
      if (cursor === undefined) return
      const foreign = model.topics.byName(name)
      const key = foreign === undefined ? undefined : keyOf({ topicId: foreign.topicId, partition })
      model.commit(cursor, key, releasedOf(cursor, how))
    }),
  )

const leaving = fc
  .tuple(member, fc.boolean())
  .map(([memberId, permanent]) =>
    command('leave', { memberId, permanent }, (model) => model.leave(memberId, permanent)),
  )

const passing = fc.integer({ min: 1_000, max: 50_000 }).map((ms) => command('pass', ms, (model) => model.pass(ms)))

const enlarging = fc.tuple(topic, fc.integer({ min: 1, max: 6 })).map(([name, partitions]) =>
  command('partitions', { name, partitions }, (model) =>
    model.changeTopics((topics) => {
      if (topics.byName(name) === undefined) topics.create(name, partitions)
      else topics.enlarge(name, partitions)
    }),
  ),
)

const deleting = topic.map((name) =>
  command('delete topic', name, (model) => model.changeTopics((topics) => topics.delete(name))),
)

const restarting = fc.constant(command('restart', null, (model) => model.restart()))

const commands = fc.oneof(
  { weight: 6, arbitrary: joining },
  { weight: 20, arbitrary: heartbeating },
  { weight: 6, arbitrary: together },
  { weight: 8, arbitrary: committing },
  { weight: 2, arbitrary: leaving },
  { weight: 4, arbitrary: passing },
  { weight: 1, arbitrary: enlarging },
  { weight: 1, arbitrary: deleting },
  { weight: 2, arbitrary: restarting },
)

/** Partitions of all targets, and who is to own them. */
function ownersOf(targets: ReadonlyMap<string, Assignment>): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [memberId, target] of targets) {
    for (const [topicId, partitions] of target) {
      for (const partition of partitions) owners.set(keyOf({ topicId, partition }), memberId)
    }
  }
  return owners
}

function loadsOf(model: GroupModel): Map<string, number> {
  const { state } = model.group
  return new Map(
    [...state.members.keys()].map((memberId) => {
      const partitions = [...targetOf(state, memberId).values()].map((list) => list.length)
      return [memberId, partitions.reduce((sum, count) => sum + count, 0)]
    }),
  )
}

test('whatever happens, nobody owns what another one owns, no stale commit counts, and all ends well', () => {
  fc.assert(
    fc.property(fc.array(commands, { maxLength: 60, size: 'max' }), (sequence) => {
      const model = new GroupModel()
      model.topics.create('t1', 4)
      model.topics.create('t2', 3)
      for (const run of sequence) run(model)
      model.converge()
      const { members } = model.group.state
      const subscriptions = new Set([...members.values()].map(({ metadata }) => metadata.topics.join()))
      if (subscriptions.size === 1 && model.group.describe().assignor === 'uniform') {
        const loads = [...loadsOf(model).values()]
        assert.ok(Math.max(...loads) - Math.min(...loads) <= 1)
      }
      const subscribed = new Set([...members.values()].flatMap(({ metadata }) => metadata.topics))
      const owners = ownersOf(model.group.state.targets)
      for (const name of subscribed) {
        const known = model.topics.byName(name)
        if (known === undefined) continue
        for (let partition = 0; partition < known.partitionCount; partition++) {
          assert.ok(owners.has(keyOf({ topicId: known.topicId, partition })))
        }
      }
    }),
    { numRuns: Number(process.env['GROUP_MODEL_RUNS'] ?? 300) },
  )
})

const settled = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }),
  size: fc.integer({ min: 1, max: 5 }),
})

test('a member that joins moves at most its share, and a static one that comes back moves nothing', () => {
  fc.assert(
    fc.property(settled, ({ counts, size }) => {
      const model = new GroupModel()
      const topics = counts.map((count, index) => model.topics.create(topicNames[index]!, count).name)
      for (const memberId of memberIds.slice(0, size)) model.join({ memberId, instanceId: `of-${memberId}`, topics })
      model.converge()
      const before = ownersOf(model.group.state.targets)
      model.join({ memberId: 'h', topics })
      const after = ownersOf(model.group.state.targets)
      const moved = [...before].filter(([key, owner]) => after.get(key) !== owner)
      assert.ok(moved.every(([key]) => after.get(key) === 'h'))
      assert.ok(moved.length <= Math.ceil(before.size / (size + 1)))

      model.converge()
      const owned = model.newest('a')?.assigned
      model.leave('a', false)
      model.restart()
      model.join({ memberId: 'z', instanceId: 'of-a', topics })
      assert.deepEqual(model.newest('z')?.assigned, owned)
      assert.deepEqual(
        ownersOf(model.group.state.targets),
        new Map([...after].map(([key, owner]) => [key, owner === 'a' ? 'z' : owner])),
      )
    }),
  )
})

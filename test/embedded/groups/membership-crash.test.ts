import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { AppendRequest, AppendResult } from '../../../src/broker/append-request.ts'
import type { ReadRequest, ReadResult } from '../../../src/broker/engine.ts'
import type { MemberAnswer, PartitionsOfTopic } from '../../../src/broker/group-membership.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { EmbeddedGroupCoordinator } from '../../../src/embedded/groups/embedded-group-coordinator.ts'
import type { OffsetsLog } from '../../../src/embedded/groups/group-coordinator-options.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'

const PARTITIONS = 6
const limits = {
  offsetsTopicPartitions: 3,
  offsetsTopicSegmentBytes: 1_048_576,
  offsetMetadataBytesMax: 16,
  members: { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, maxSize: 10, assignors: ['uniform'] },
}

/**
 * A disk whose power goes: from then on no append is answered. The one under way is stored or lost, as `keepsLast` says;
 * either is what a kill between write and answer can leave.
 */
class CrashingLog implements OffsetsLog {
  readonly #engine: MemoryEngine
  readonly #appendsUntilCrash: number
  readonly #keepsLast: boolean
  #appends = 0

  constructor(engine: MemoryEngine, appendsUntilCrash: number, keepsLast: boolean) {
    this.#engine = engine
    this.#appendsUntilCrash = appendsUntilCrash
    this.#keepsLast = keepsLast
  }

  get crashed(): boolean {
    return this.#appends > this.#appendsUntilCrash
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    this.#appends++
    if (!this.crashed) return this.#engine.append(request)
    if (this.#keepsLast && this.#appends === this.#appendsUntilCrash + 1) await this.#engine.append(request)
    return new Promise<never>(() => undefined)
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#engine.read(request)
  }
}

/** What a client knows from the answers that reached it. */
interface Client {
  answer: MemberAnswer | undefined
  /** What it said that it let go of, also where no answer came: it reads none of it any more. */
  released: Map<number, number>
}

type Call = readonly [kind: 'join' | 'heartbeat' | 'release' | 'commit' | 'leave', member: number]

class World {
  readonly clock = new FakeClock()
  readonly engine = new MemoryEngine(this.clock)
  readonly clients: Client[] = [0, 1, 2, 3].map(() => ({ answer: undefined, released: new Map<number, number>() }))
  /** By partition, what an answer said is committed. */
  readonly acknowledged = new Map<number, number>()
  groups: EmbeddedGroupCoordinator | undefined
  topicId = ''
  #next = 1

  async start(log: OffsetsLog): Promise<void> {
    const { engine, clock } = this
    if (this.topicId === '') {
      const topic = { name: 'orders', partitionCount: PARTITIONS, configs: new Map<string, string>() }
      this.topicId = (await engine.create(topic)).topicId
    }
    this.groups = new EmbeddedGroupCoordinator({ log, topics: engine, clock, logger: silentLogger, limits })
    await this.groups.load()
  }

  /** Makes calls at the same time, two and two, until all are answered or the power is gone. */
  async run(calls: readonly Call[], log: CrashingLog): Promise<void> {
    for (let at = 0; at < calls.length && !log.crashed; at += 2) {
      const both = Promise.all(calls.slice(at, at + 2).map((call) => this.call(call)))
      const answered = await Promise.race([both.then(() => true), turns(100).then(() => false)])
      assert.ok(answered || log.crashed, 'a call was not answered')
      await this.checkClients()
    }
  }

  async call([kind, member]: Call): Promise<void> {
    const client = this.clients[member]!
    const memberId = `m${member}`
    const membership = this.groups!.membership
    const memberEpoch = client.answer?.memberEpoch ?? 0
    const identity = { group: 'g', memberId, memberEpoch }
    try {
      if (kind === 'join') {
        const request = { group: 'g', memberId, topics: ['orders'], maxPollIntervalMs: 60_000 }
        this.#learn(client, await membership.join(request), true)
      } else if (client.answer === undefined) return
      else if (kind === 'heartbeat') this.#learn(client, await membership.heartbeat(identity))
      else if (kind === 'release') {
        const released: readonly PartitionsOfTopic[] = client.answer.revoking
        for (const partition of released.flatMap(({ partitions }) => partitions)) {
          client.released.set(partition, memberEpoch)
        }
        this.#learn(client, await membership.heartbeat({ ...identity, released }))
      } else if (kind === 'commit') await this.#commit(client, identity)
      else {
        client.answer = undefined
        await membership.leave({ group: 'g', memberId })
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      client.answer = undefined
    }
  }

  /** No partition is any two clients' to read, as far as their answers tell. */
  async checkClients(): Promise<void> {
    const owners = new Map<number, number>()
    const described = await this.groups!.membership.describe('g')
    this.clients.forEach(({ answer, released }, client) => {
      // One that was fenced and has not called since learns of it with its next call, and can commit nothing.
      const present = described?.members.find(({ memberId }) => memberId === `m${client}`)
      if (answer === undefined || present === undefined || answer.memberEpoch > present.memberEpoch) return
      const standing = this.#standing(client, answer)
      if (standing === undefined) return
      for (const partition of partitionsOf(answer)) {
        if (released.has(partition) && !partitionsOf(standing).includes(partition)) continue
        assert.ok(
          !owners.has(partition),
          `partition ${partition} has the owners ${owners.get(partition)} and ${client}`,
        )
        owners.set(partition, client)
      }
    })
  }

  /** What clients were told is still so: those who were members are, with all they own, and commits are there. */
  async checkDurable(): Promise<void> {
    this.clients.forEach(({ answer, released }, client) => {
      if (answer === undefined) return
      const standing = this.#standing(client, answer)
      if (standing === undefined) return
      const owned = new Set(partitionsOf(standing))
      for (const partition of partitionsOf(answer)) {
        assert.ok(owned.has(partition) || released.has(partition), `client ${client} lost partition ${partition}`)
      }
    })
    const committed = new Map(
      (await this.groups!.committed('g')).map((offset) => [offset.partition, offset.nextOffset]),
    )
    for (const [partition, nextOffset] of this.acknowledged) {
      assert.ok((committed.get(partition) ?? -1) >= nextOffset, `the commit of partition ${partition} is lost`)
    }
  }

  #learn(client: Client, answer: MemberAnswer, joined = false): void {
    client.answer = answer
    if (joined) client.released.clear()
    for (const { partitions, sinceEpochs } of answer.assignment) {
      partitions.forEach((partition, index) => {
        if ((client.released.get(partition) ?? Infinity) < sinceEpochs[index]!) client.released.delete(partition)
      })
    }
  }

  async #commit(client: Client, identity: { group: string; memberId: string; memberEpoch: number }): Promise<void> {
    const nextOffset = this.#next++
    const offsets = partitionsOf(client.answer!).map((partition) => ({
      topic: 'orders',
      topicId: this.topicId,
      partition,
      nextOffset,
    }))
    const answers = await this.groups!.membership.commit({ ...identity, offsets })
    for (const { partition, nextOffset: stands } of answers) {
      assert.ok(stands >= (this.acknowledged.get(partition) ?? -1), 'a committed offset moved back')
      this.acknowledged.set(partition, stands)
    }
  }

  #standing(client: number, told: MemberAnswer): MemberAnswer | undefined {
    try {
      return this.groups!.membership.standing(
        { group: 'g', memberId: `m${client}`, memberEpoch: told.memberEpoch },
        told,
      )
    } catch (error) {
      if (error instanceof BrokerError) return undefined
      throw error
    }
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}

function partitionsOf({ assignment, revoking }: MemberAnswer): number[] {
  return [...assignment, ...revoking].flatMap(({ partitions }) => partitions)
}

const call: fc.Arbitrary<Call> = fc.tuple(
  fc.constantFrom('join', 'heartbeat', 'heartbeat', 'release', 'commit', 'leave'),
  fc.integer({ min: 0, max: 3 }),
)

test('a kill between write and answer gives no partition two owners, and loses nothing that was answered', async () => {
  const life = fc.record({
    calls: fc.array(call, { minLength: 4, maxLength: 40 }),
    appendsUntilCrash: fc.integer({ min: 0, max: 25 }),
    keepsLast: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 2, maxLength: 4 }), async (lives) => {
      const world = new World()
      for (const { calls, appendsUntilCrash, keepsLast } of lives) {
        const log = new CrashingLog(world.engine, appendsUntilCrash, keepsLast)
        await world.start(log)
        await world.checkDurable()
        await world.checkClients()
        await world.run(calls, log)
      }
      await world.start(new CrashingLog(world.engine, 1000, true))
      await world.checkDurable()
      await world.checkClients()
    }),
    { numRuns: 300 },
  )
})

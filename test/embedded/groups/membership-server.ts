import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { HeartbeatRequest, JoinAnswer, JoinRequest, MemberAnswer } from '../../../src/broker/group-membership.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { EmbeddedGroupCoordinator } from '../../../src/embedded/groups/embedded-group-coordinator.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'
import { HeldLog } from './held-log.ts'

export const SESSION_MS = 45_000
export const MAX_POLL_MS = 60_000
const limits = {
  offsetsTopicPartitions: 5,
  offsetsTopicSegmentBytes: 1_048_576,
  offsetMetadataBytesMax: 16,
  members: { sessionTimeoutMs: SESSION_MS, heartbeatIntervalMs: 5000, maxSize: 10, assignors: ['uniform', 'range'] },
}

/** A coordinator over a log in memory that can be held, failed, and read again as after a restart. */
export class Server {
  readonly clock = new FakeClock()
  readonly engine = new MemoryEngine(this.clock)
  readonly log = new HeldLog(this.engine)
  groups = this.#coordinator()
  topicId = ''

  static async start(partitionCount = 4): Promise<Server> {
    const server = new Server()
    await server.groups.load()
    await server.createTopic('orders', partitionCount)
    server.topicId = server.engine.find('orders')?.topicId ?? ''
    return server
  }

  async createTopic(name: string, partitionCount: number): Promise<void> {
    await this.engine.create({ name, partitionCount, configs: new Map() })
    await this.groups.topicChanged(name)
  }

  async restart(): Promise<void> {
    this.groups = this.#coordinator()
    await this.groups.load()
    await settled()
  }

  join(memberId: string, more: Partial<JoinRequest> = {}): Promise<JoinAnswer> {
    const request = { group: 'g', memberId, topics: ['orders'], maxPollIntervalMs: MAX_POLL_MS, ...more }
    return this.groups.membership.join(request)
  }

  beat(memberId: string, memberEpoch: number, more: Partial<HeartbeatRequest> = {}): Promise<MemberAnswer> {
    return this.groups.membership.heartbeat({ group: 'g', memberId, memberEpoch, ...more })
  }

  commit(memberId: string, memberEpoch: number, partition: number, nextOffset: number, released: number[] = []) {
    const { topicId } = this
    return this.groups.membership.commit({
      group: 'g',
      memberId,
      memberEpoch,
      offsets: [{ topic: 'orders', topicId, partition, nextOffset }],
      released: [{ topicId, partitions: released }],
    })
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await settled()
  }

  async memberIds(): Promise<string[]> {
    return (await this.groups.membership.describe('g'))?.members.map(({ memberId }) => memberId) ?? []
  }

  #coordinator(): EmbeddedGroupCoordinator {
    const { log, engine, clock } = this
    return new EmbeddedGroupCoordinator({ log, topics: engine, clock, logger: silentLogger, limits })
  }
}

export const partitionsOf = ({ assignment }: MemberAnswer): number[] =>
  assignment.flatMap(({ partitions }) => partitions)
export const storageError = (): BrokerError =>
  new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'unknown' })

/** Everything that can happen without time or the outside has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve()
}

import type { Connection } from '@platformatic/kafka'
import { findCoordinatorV6, metadataV12 } from '@platformatic/kafka'
import { CallAttempts, sent, Unsent, unsent, type AttemptOptions } from './call-attempts.ts'
import { noController, unknownNode, unknownPartition } from './cluster-absences.ts'
import { clusterMetadata, withTopic, type ClusterMetadata, type ClusterPartition } from './cluster-metadata.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { ConnectionLanes, type Lane } from './connection-lanes.ts'
import { connectionOptions } from './connection-options.ts'
import { Coordinators, type CoordinatorKind } from './coordinators.ts'
import {
  answeredErrors,
  isAuthorizationFailure,
  isConnectionFailure,
  isCredentialsFailure,
  refusal,
  tellsMovedCoordinator,
  withErrorsInIt,
} from './kafka-errors.ts'
import { MetadataKeeper } from './metadata-keeper.ts'
import { NodeDoubts } from './node-doubts.ts'
import { withinMs } from './time-limits.ts'

/** Refusals of what is not answered are no reason to ask for metadata more often than this. */
const LOOKS_AFTER_REFUSAL_MS = 1000

export interface CallOptions extends AttemptOptions {
  /** Default: `control`. */
  readonly lane?: Lane
}

/** What a call is made on. It rejects as the library does, or with a BrokerError, which is final. */
export type Call<T> = (connection: Connection) => Promise<T>

/** The call, and where the partition was when it is made. */
export type LeaderCall<T> = (connection: Connection, leader: ClusterPartition) => Promise<T>

/**
 * The way to a cluster: knows its nodes, topics and leaders, and makes calls where they belong, again where that is safe
 * and worth it. What comes out of it to its callers is a BrokerError, or what the call resolved with.
 */
export class ClusterClient {
  readonly options: ClusterOptions
  readonly #lanes: ConnectionLanes
  readonly #coordinators = new Coordinators()
  readonly #stopping = new AbortController()
  readonly #metadata: MetadataKeeper
  readonly #doubts: NodeDoubts
  readonly #attempts: CallAttempts
  #lastAnswerAt = Number.NEGATIVE_INFINITY
  #lookedAfterRefusalAt = Number.NEGATIVE_INFINITY

  constructor(options: ClusterOptions) {
    this.options = options
    const { clock, logger } = options
    this.#lanes = new ConnectionLanes(options, connectionOptions(options), () => this.#lookAfterRefusal())
    this.#doubts = new NodeDoubts({
      probe: (node) => this.#lanes.probe(node),
      giveUp: (node) => this.#lanes.giveUp(node),
      clock,
      logger,
    })
    this.#metadata = new MetadataKeeper(options, this.#lanes.of('control'), this.stopping, this.#doubts)
    this.#attempts = new CallAttempts({
      options,
      stopping: this.stopping,
      isReachable: () => this.reachable,
      lookAgain: () => this.refresh(),
    })
  }

  /** As it was when it was last asked for. Empty before the first `refresh`. */
  get metadata(): ClusterMetadata {
    return this.#metadata.current
  }

  /** Aborted by `close`. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** False while no node answers: calls are then not tried again for long. Set by the watch. */
  get reachable(): boolean {
    return this.#metadata.isReachable
  }

  set reachable(reachable: boolean) {
    this.#metadata.isReachable = reachable
  }

  /** When a node last answered anything, in the clock's monotonic milliseconds. */
  get lastAnswerAt(): number {
    return this.#lastAnswerAt
  }

  /** Called with each new metadata, after it is in force. Returns how to stop. */
  onMetadata(listener: (metadata: ClusterMetadata) => void): () => void {
    return this.#metadata.onChange(listener)
  }

  /**
   * Asks for metadata anew; what it resolves to was asked for after this was called. However many call it, one is under way
   * and one waits. Rejects with a BrokerError where no node answers.
   */
  async refresh(): Promise<void> {
    await this.#metadata.refresh()
    this.answered()
  }

  /** The same of one topic: cheap, however many there are. Where it is gone, so is what was known of it. */
  async refreshTopic(topic: string): Promise<void> {
    const answer = await this.toAny((to) => withErrorsInIt(metadataV12.api.async(to, [topic], false, false)), {
      doing: `to say where the topic "${topic}" is`,
    })
    const failure = answer.topics[0]?.errorCode ?? 0
    if (isAuthorizationFailure(failure)) throw refusal(failure, `to tell of the topic "${topic}"`)
    this.acceptTopic(topic, clusterMetadata(answer))
  }

  /** What one node says of a topic, asked once. */
  async topicAt(nodeId: number, topic: string): Promise<ClusterMetadata> {
    const doing = `to say where the topic "${topic}" is`
    const call: Call<metadataV12.MetadataResponse> = (to) =>
      withErrorsInIt(metadataV12.api.async(to, [topic], false, false))
    return clusterMetadata(await this.toNode(nodeId, call, { doing, timeoutMs: 0 }))
  }

  acceptTopic(topic: string, news: ClusterMetadata): void {
    this.#metadata.accept(withTopic(this.metadata, topic, news))
  }

  /** The same of the nodes alone, however many topics there are. */
  async refreshNodes(): Promise<void> {
    const answer = await this.toAny((to) => withErrorsInIt(metadataV12.api.async(to, [], false, false)), {
      doing: 'to say which nodes it has',
      timeoutMs: 1000,
    })
    const { clusterId, controllerId, nodes } = clusterMetadata(answer)
    this.#metadata.accept({ ...this.metadata, clusterId, controllerId, nodes })
  }

  /**
   * The connection to a node; for those who keep their own order of requests. Rejects as the library does. That there is one
   * is no answer: a machine that hangs keeps its connections, and takes new ones.
   */
  async connectionTo(nodeId: number, lane: Lane): Promise<Connection> {
    const node = this.metadata.nodes.get(nodeId)
    if (node === undefined) throw unknownNode(nodeId)
    return this.#lanes.get(node, lane)
  }

  /** Where the partition is now; undefined where there is no such partition. */
  partition(topic: string, partition: number): ClusterPartition | undefined {
    return this.metadata.topics.get(topic)?.partitions[partition]
  }

  /** Told by those who call past this client that a node answered. */
  answered(): void {
    this.#lastAnswerAt = this.options.clock.monotonic()
  }

  /** To whichever node answers. */
  toAny<T>(call: Call<T>, options: CallOptions): Promise<T> {
    return this.#attempts.repeat(options, async () =>
      this.#call(await this.#anyConnection(options.lane ?? 'control'), call),
    )
  }

  toNode<T>(nodeId: number, call: Call<T>, options: CallOptions): Promise<T> {
    return this.#attempts.repeat(options, async () => {
      const connection = await unsent(this.connectionTo(nodeId, options.lane ?? 'control'))
      return this.#call(connection, call)
    })
  }

  /** To the node that leads the cluster, or that passes it on to the one that does. */
  toController<T>(call: Call<T>, options: CallOptions): Promise<T> {
    return this.#attempts.repeat(options, async () => {
      const { controllerId, nodes } = this.metadata
      if (!nodes.has(controllerId)) throw new Unsent(noController())
      return this.#call(await unsent(this.connectionTo(controllerId, options.lane ?? 'control')), call)
    })
  }

  /** To the node that leads the partition. UNKNOWN_TOPIC_OR_PARTITION where there is none, also after asking again. */
  toLeader<T>(topic: string, partition: number, call: LeaderCall<T>, options: CallOptions): Promise<T> {
    return this.#attempts.repeat(options, async () => {
      const leader = await this.#led(topic, partition)
      const connection = await unsent(this.connectionTo(leader.leader, options.lane ?? 'control'))
      return this.#call(connection, (to) => call(to, leader))
    })
  }

  /** To the node that keeps the group's offsets and members, or the transactional id's state. */
  toCoordinator<T>(kind: CoordinatorKind, key: string, call: Call<T>, options: CallOptions): Promise<T> {
    const lane = options.lane ?? (kind === 'group' ? 'groups' : 'control')
    return this.#attempts.repeat(options, async () => {
      const nodeId = await this.coordinator(kind, key)
      try {
        return await this.#call(await unsent(this.connectionTo(nodeId, lane)), call)
      } catch (error) {
        if (isConnectionFailure(sent(error)) || answeredErrors(error).some(coordinatorMoved)) {
          this.forgetCoordinator(kind, key)
        }
        throw error
      }
    })
  }

  /** Which node that is: asked for once, until somebody says that it is wrong. Rejects as the library does. */
  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const known = this.#coordinators.find(kind, key)
    if (known !== undefined && this.metadata.nodes.has(known)) return known
    const connection = await this.#anyConnection('control')
    const asked = this.#call(connection, (to) => findCoordinatorV6.api.async(to, kind === 'group' ? 0 : 1, [key]))
    const { coordinators } = await unsent(asked)
    const found = coordinators[0]
    if (found === undefined) throw new Unsent(refusal(15, `to find the coordinator of ${JSON.stringify(key)}`))
    if (!this.metadata.nodes.has(found.nodeId)) await this.refresh()
    this.#coordinators.remember(kind, key, found.nodeId)
    return found.nodeId
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.forget(kind, key)
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#lanes.close()
  }

  /** For those who call past this client: where no answer comes, the node may hang, and is asked whether it does. */
  awaited<T>(nodeId: number, answer: Promise<T>): Promise<T> {
    const node = this.metadata.nodes.get(nodeId)
    return node === undefined ? answer : this.#doubts.watch(node, answer)
  }

  async #call<T>(connection: Connection, call: Call<T>): Promise<T> {
    try {
      const node = this.#metadata.nodeAt(connection)
      const answer = await (node === undefined ? call(connection) : this.#doubts.watch(node, call(connection)))
      this.answered()
      return answer
    } catch (error) {
      if (answeredErrors(error).length > 0) this.answered()
      throw error
    }
  }

  /** The node may have refused it because others lead now: by nothing else would those who sent it be told. */
  #lookAfterRefusal(): void {
    const now = this.options.clock.monotonic()
    if (this.stopping.aborted || now - this.#lookedAfterRefusalAt < LOOKS_AFTER_REFUSAL_MS) return
    this.#lookedAfterRefusalAt = now
    // Where nobody answers, the watch tells of it.
    this.refresh().catch(() => {})
  }

  async #led(topic: string, partition: number): Promise<ClusterPartition> {
    let found = this.partition(topic, partition)
    if (found === undefined || found.leader < 0) {
      await this.refresh()
      found = this.partition(topic, partition)
    }
    if (found === undefined) throw unknownPartition(topic, partition)
    if (found.leader < 0) throw new Unsent(refusal(5, `the partition ${topic}-${partition}`))
    return found
  }

  /** Of a node that is connected, else of the first that can be. */
  async #anyConnection(lane: Lane): Promise<Connection> {
    const connections = this.#lanes.of(lane)
    const addresses = this.#metadata.addresses()
    const open = addresses.filter((address) => connections.has(address) && !this.#metadata.isAvoided(address))
    let failure: unknown = unknownNode(-1)
    for (const address of [...open, ...addresses.filter((other) => !open.includes(other))]) {
      try {
        return await withinMs(connections.get(address), this.#metadata.attemptMs, this.options.clock)
      } catch (error) {
        failure = error
        if (isCredentialsFailure(error)) break
      }
    }
    throw new Unsent(failure)
  }

  /** How long to wait after so many failures: longer each time, and never the same for all. */
  backoffMs(failures: number): number {
    return this.#attempts.backoffMs(failures)
  }
}

function coordinatorMoved({ kafkaCode }: { readonly kafkaCode: number }): boolean {
  return tellsMovedCoordinator(kafkaCode)
}

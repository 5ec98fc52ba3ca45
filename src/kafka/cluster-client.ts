import type { Connection, ConnectionOptions } from '@platformatic/kafka'
import { findCoordinatorV6, metadataV12 } from '@platformatic/kafka'
import { isIP } from 'node:net'
import { BrokerError } from '../broker/broker-error.ts'
import {
  clusterMetadata,
  withTopic,
  type ClusterMetadata,
  type ClusterNode,
  type ClusterPartition,
} from './cluster-metadata.ts'
import type { ClusterOptions } from './cluster-options.ts'
import {
  answeredErrors,
  asBrokerError,
  isConnectionFailure,
  isAuthorizationFailure,
  isCredentialsFailure,
  isPassing,
  refusal,
  rootMessage,
  tellsMovedCoordinator,
  withErrorsInIt,
} from './kafka-errors.ts'
import { NodeConnections, type NodeAddress } from './node-connections.ts'
import { pause, withinMs } from './time-limits.ts'

/**
 * What a connection is for. A broker answers one connection's requests in turn, so that a fetch that waits would hold up
 * everything behind it: at most four connections a broker, one each.
 */
export type Lane = 'control' | 'groups' | 'produce' | 'fetch'

export type CoordinatorKind = 'group' | 'transaction'

export interface CallOptions {
  /** Default: `control`. */
  readonly lane?: Lane
  /** How long it is tried in all; default: `default.api.timeout.ms`. */
  readonly timeoutMs?: number
  /**
   * May it be done twice? Where not, it is not sent again once it was sent, unless a broker said that it did not do it.
   * Default: true.
   */
  readonly repeatable?: boolean
  /** Completes "The cluster refused …": `to create the topic "a"`. */
  readonly doing: string
}

/** What a call is made on. It rejects as the library does, or with a BrokerError, which is final. */
export type Call<T> = (connection: Connection) => Promise<T>

/** The call, and where the partition was when it is made. */
export type LeaderCall<T> = (connection: Connection, leader: ClusterPartition) => Promise<T>

/** How long one node is asked for metadata before another one is. */
const METADATA_ATTEMPT_MS = 3000
const CONNECT_TIMEOUT_MS = 5000

/**
 * The way to a cluster: knows its nodes, topics and leaders, and makes calls where they belong, again where that is safe
 * and worth it. What comes out of it to its callers is a BrokerError, or what the call resolved with.
 */
export class ClusterClient {
  readonly options: ClusterOptions
  readonly #lanes: Readonly<Record<Lane, NodeConnections>>
  readonly #coordinators = new Map<string, number>()
  readonly #listeners = new Set<(metadata: ClusterMetadata) => void>()
  readonly #stopping = new AbortController()
  #metadata: ClusterMetadata = {
    clusterId: '',
    controllerId: -1,
    nodes: new Map(),
    topics: new Map(),
    topicsById: new Map(),
  }
  #refreshing: Promise<void> | undefined
  #nextRefresh: Promise<void> | undefined
  #reachable = true
  #lastAnswerAt = Number.NEGATIVE_INFINITY

  constructor(options: ClusterOptions) {
    this.options = options
    const connections = (): NodeConnections => new NodeConnections(options.clientId, connectionOptions(options))
    this.#lanes = { control: connections(), groups: connections(), produce: connections(), fetch: connections() }
  }

  /** As it was when it was last asked for. Empty before the first `refresh`. */
  get metadata(): ClusterMetadata {
    return this.#metadata
  }

  /** Aborted by `close`. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** False while no node answers: calls are then not tried again for long. Set by the watch. */
  get reachable(): boolean {
    return this.#reachable
  }

  set reachable(reachable: boolean) {
    this.#reachable = reachable
  }

  /** When a node last answered anything, in the clock's monotonic milliseconds. */
  get lastAnswerAt(): number {
    return this.#lastAnswerAt
  }

  /** Called with each new metadata, after it is in force. Returns how to stop. */
  onMetadata(listener: (metadata: ClusterMetadata) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Asks for metadata anew; what it resolves to was asked for after this was called. However many call it, one is under way
   * and one waits. Rejects with a BrokerError where no node answers.
   */
  refresh(): Promise<void> {
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#refresh().finally(() => (this.#refreshing = undefined))
      return this.#refreshing
    }
    const before = this.#refreshing
    this.#nextRefresh ??= before
      .catch(() => {})
      .then(() => {
        this.#nextRefresh = undefined
        return this.refresh()
      })
    return this.#nextRefresh
  }

  /** The same of one topic: cheap, however many there are. Where it is gone, so is what was known of it. */
  async refreshTopic(topic: string): Promise<void> {
    const answer = await this.toAny((to) => withErrorsInIt(metadataV12.api.async(to, [topic], false, false)), {
      doing: `to say where the topic "${topic}" is`,
    })
    const failure = answer.topics[0]?.errorCode ?? 0
    if (isAuthorizationFailure(failure)) throw refusal(failure, `to tell of the topic "${topic}"`)
    this.#accept(withTopic(this.#metadata, topic, clusterMetadata(answer)))
  }

  /** The connection to a node; for those who keep their own order of requests. Rejects as the library does. */
  async connectionTo(nodeId: number, lane: Lane): Promise<Connection> {
    const node = this.#metadata.nodes.get(nodeId)
    if (node === undefined) throw unknownNode(nodeId)
    const connection = await this.#lanes[lane].get(node)
    this.answered()
    return connection
  }

  /** Where the partition is now; undefined where there is no such partition. */
  partition(topic: string, partition: number): ClusterPartition | undefined {
    return this.#metadata.topics.get(topic)?.partitions[partition]
  }

  /** Told by those who call past this client that a node answered. */
  answered(): void {
    this.#lastAnswerAt = this.options.clock.monotonic()
  }

  /** To whichever node answers. */
  toAny<T>(call: Call<T>, options: CallOptions): Promise<T> {
    return this.#repeat(options, async () => this.#call(await this.#anyConnection(options.lane ?? 'control'), call))
  }

  toNode<T>(nodeId: number, call: Call<T>, options: CallOptions): Promise<T> {
    return this.#repeat(options, async () => {
      const connection = await unsent(this.connectionTo(nodeId, options.lane ?? 'control'))
      return this.#call(connection, call)
    })
  }

  /** To the node that leads the cluster, or that passes it on to the one that does. */
  toController<T>(call: Call<T>, options: CallOptions): Promise<T> {
    return this.#repeat(options, async () => {
      const { controllerId, nodes } = this.#metadata
      if (!nodes.has(controllerId)) throw new Unsent(noController())
      return this.#call(await unsent(this.connectionTo(controllerId, options.lane ?? 'control')), call)
    })
  }

  /** To the node that leads the partition. UNKNOWN_TOPIC_OR_PARTITION where there is none, also after asking again. */
  toLeader<T>(topic: string, partition: number, call: LeaderCall<T>, options: CallOptions): Promise<T> {
    return this.#repeat(options, async () => {
      const leader = await this.#led(topic, partition)
      const connection = await unsent(this.connectionTo(leader.leader, options.lane ?? 'control'))
      return this.#call(connection, (to) => call(to, leader))
    })
  }

  /** To the node that keeps the group's offsets and members, or the transactional id's state. */
  toCoordinator<T>(kind: CoordinatorKind, key: string, call: Call<T>, options: CallOptions): Promise<T> {
    const lane = options.lane ?? (kind === 'group' ? 'groups' : 'control')
    return this.#repeat(options, async () => {
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
    const known = this.#coordinators.get(`${kind} ${key}`)
    if (known !== undefined && this.#metadata.nodes.has(known)) return known
    const connection = await this.#anyConnection('control')
    const { coordinators } = await this.#call(connection, (to) =>
      findCoordinatorV6.api.async(to, kind === 'group' ? 0 : 1, [key]),
    ).catch(notDone)
    const found = coordinators[0]
    if (found === undefined) throw new Unsent(refusal(15, `to find the coordinator of ${JSON.stringify(key)}`))
    if (!this.#metadata.nodes.has(found.nodeId)) await this.refresh()
    this.#remember(`${kind} ${key}`, found.nodeId)
    return found.nodeId
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind} ${key}`)
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    this.#listeners.clear()
    await Promise.all(Object.values(this.#lanes).map((lane) => lane.close()))
  }

  #remember(key: string, nodeId: number): void {
    // Names come from clients: the memory for them is bounded, and what is forgotten is asked for again.
    if (this.#coordinators.size >= 10_000) this.#coordinators.clear()
    this.#coordinators.set(key, nodeId)
  }

  async #call<T>(connection: Connection, call: Call<T>): Promise<T> {
    try {
      const answer = await call(connection)
      this.answered()
      return answer
    } catch (error) {
      if (answeredErrors(error).length > 0) this.answered()
      throw error
    }
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
    const connections = this.#lanes[lane]
    const addresses = this.#addresses()
    const open = addresses.filter((address) => connections.has(address))
    let failure: unknown = unknownNode(-1)
    for (const address of [...open, ...addresses.filter((other) => !open.includes(other))]) {
      try {
        return await withinMs(connections.get(address), this.#attemptMs, this.options.clock)
      } catch (error) {
        failure = error
        if (isCredentialsFailure(error)) break
      }
    }
    throw new Unsent(failure)
  }

  /** Where nobody answers, nobody is given long. */
  get #attemptMs(): number {
    return this.reachable ? METADATA_ATTEMPT_MS : METADATA_ATTEMPT_MS / 3
  }

  /** The nodes in any order, then those we began with. */
  #addresses(): NodeAddress[] {
    const nodes: NodeAddress[] = shuffled([...this.#metadata.nodes.values()], this.options.random)
    const missing = this.options.bootstrapServers.filter(
      ({ host, port }) => !nodes.some((node) => node.host === host && node.port === port),
    )
    return [...nodes, ...missing]
  }

  async #refresh(): Promise<void> {
    const doing = 'to say what topics there are'
    const failures: unknown[] = []
    for (const address of this.#addresses()) {
      try {
        await this.#refreshFrom(address)
        return
      } catch (error) {
        failures.push(error)
        if (this.stopping.aborted || isCredentialsFailure(error)) break
      }
    }
    const error = failures.at(-1)
    if (error === undefined || !isConnectionFailure(error)) throw asBrokerError(error, doing)
    if (isCredentialsFailure(error)) throw asBrokerError(error, doing)
    throw new BrokerError(
      'BROKER_NOT_AVAILABLE',
      `No node of the cluster answers: ${[...new Set(failures.map(rootMessage))].join('; ')}. Send the request again.`,
      { retryAfterSeconds: 1, cause: error },
    )
  }

  async #refreshFrom(address: NodeAddress): Promise<void> {
    const { clock } = this.options
    const limitMs = this.#attemptMs
    const connection = await withinMs(this.#lanes.control.get(address), limitMs, clock)
    const asked = withErrorsInIt(metadataV12.api.async(connection, null, false, false))
    const next = clusterMetadata(await withinMs(asked, limitMs, clock))
    this.answered()
    this.#accept(next)
  }

  #accept(next: ClusterMetadata): void {
    if (next === this.#metadata) return
    this.#metadata = next
    for (const listener of this.#listeners) listener(next)
  }

  async #repeat<T>(options: CallOptions, attempt: () => Promise<T>): Promise<T> {
    const { clock, apiTimeoutMs } = this.options
    const deadline = clock.monotonic() + (options.timeoutMs ?? apiTimeoutMs)
    for (let failures = 0; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        const left = deadline - clock.monotonic()
        if (!this.#isWorthAnother(error, options, left, failures)) throw this.#final(error, options)
        await pause(Math.min(this.backoffMs(failures), left), clock, this.stopping)
        await this.refresh().catch(() => {})
      }
    }
  }

  /** How long to wait after so many failures: longer each time, and never the same for all. */
  backoffMs(failures: number): number {
    const { retryBackoffMs, retryBackoffMaxMs, random } = this.options
    return Math.min(retryBackoffMs * 2 ** failures, retryBackoffMaxMs) * (0.8 + 0.4 * random())
  }

  #isWorthAnother(error: unknown, options: CallOptions, left: number, failures: number): boolean {
    if (left <= 0 || this.stopping.aborted) return false
    const cause = sent(error)
    if (cause instanceof BrokerError) return error instanceof Unsent && cause.retriable
    if (isCredentialsFailure(cause)) return false
    if (isConnectionFailure(cause)) {
      const safe = error instanceof Unsent || options.repeatable !== false
      return safe && (this.reachable || failures === 0)
    }
    const answered = answeredErrors(cause)
    if (answered.length === 0) return false
    return answered.every(
      ({ kafkaCode }) => isPassing(kafkaCode) && (options.repeatable !== false || kafkaCode !== REQUEST_TIMED_OUT),
    )
  }

  #final(error: unknown, { doing, repeatable }: CallOptions): BrokerError {
    if (error instanceof Unsent) return asBrokerError(error.cause, doing, { stored: 'no' })
    return asBrokerError(error, doing, repeatable === false && isConnectionFailure(error) ? { stored: 'unknown' } : {})
  }
}

const REQUEST_TIMED_OUT = 7

/** A failure before anything was sent. */
class Unsent extends Error {
  override readonly cause: unknown

  constructor(cause: unknown) {
    super('not sent')
    this.cause = cause
  }
}

/** What is behind it, whether something was sent or not. */
function sent(error: unknown): unknown {
  return error instanceof Unsent ? error.cause : error
}

function notDone(error: unknown): never {
  throw error instanceof Unsent || answeredErrors(error).length > 0 ? error : new Unsent(error)
}

function unsent<T>(connection: Promise<T>): Promise<T> {
  return connection.catch(notDone)
}

function coordinatorMoved({ kafkaCode }: { readonly kafkaCode: number }): boolean {
  return tellsMovedCoordinator(kafkaCode)
}

function unknownNode(nodeId: number): BrokerError {
  return new BrokerError('BROKER_NOT_AVAILABLE', `The cluster knows no node ${nodeId} now. Send the request again.`, {
    retryAfterSeconds: 1,
  })
}

function noController(): BrokerError {
  return new BrokerError('NOT_CONTROLLER', 'The cluster has no controller now. Send the request again.', {
    retryAfterSeconds: 1,
  })
}

function unknownPartition(topic: string, partition: number): BrokerError {
  return new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `The cluster has no partition ${partition} of the topic "${topic}".`,
  )
}

function connectionOptions({ tls, sasl, requestTimeoutMs, bootstrapServers }: ClusterOptions): ConnectionOptions {
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    maxInflights: 1000,
    ...(sasl !== undefined && { sasl: { ...sasl } }),
    ...(tls !== undefined && {
      tlsServerName: bootstrapServers.every(({ host }) => isIP(host) === 0),
      tls: {
        ...(tls.ca !== undefined && { ca: tls.ca }),
        ...(tls.certificate !== undefined && { cert: tls.certificate }),
        ...(tls.key !== undefined && { key: tls.key }),
        ...(tls.keyPassword !== undefined && { passphrase: tls.keyPassword }),
        ...(!tls.checkHost && { checkServerIdentity: () => undefined }),
      },
    }),
  }
}

/** Fisher and Yates. */
function shuffled(nodes: ClusterNode[], random: () => number): ClusterNode[] {
  for (let i = nodes.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [nodes[i], nodes[j]]
    if (a !== undefined && b !== undefined) {
      nodes[i] = b
      nodes[j] = a
    }
  }
  return nodes
}

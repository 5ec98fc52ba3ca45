import { metadataV12, type Connection } from '@platformatic/kafka'
import { BrokerError } from '../broker/broker-error.ts'
import { clusterMetadata, newest, type ClusterMetadata, type ClusterNode } from './cluster-metadata.ts'
import type { ClusterOptions } from './cluster-options.ts'
import { FreshWork } from './fresh-work.ts'
import {
  asBrokerError,
  isCertificateFailure,
  isConnectionFailure,
  isCredentialsFailure,
  rootMessage,
  withErrorsInIt,
} from './kafka-errors.ts'
import type { NodeAddress, NodeConnections } from './node-connections.ts'
import type { NodeDoubts } from './node-doubts.ts'
import { stoppingError } from './stopping-error.ts'
import { withinMs } from './time-limits.ts'

/** How long one node is given before another one is asked. */
const ATTEMPT_MS = 3000

const nothingYet: ClusterMetadata = {
  clusterId: '',
  controllerId: -1,
  nodes: new Map(),
  topics: new Map(),
  topicsById: new Map(),
}

/** What is known of a cluster, and how it is asked for anew. */
export class MetadataKeeper {
  readonly #options: ClusterOptions
  readonly #connections: NodeConnections
  readonly #stopping: AbortSignal
  readonly #doubts: NodeDoubts
  readonly #listeners = new Set<(metadata: ClusterMetadata) => void>()
  #current = nothingYet
  readonly #refreshing = new FreshWork(() => this.#refresh())
  /** Where nobody answers, nobody is given long. */
  isReachable = true

  constructor(options: ClusterOptions, connections: NodeConnections, stopping: AbortSignal, doubts: NodeDoubts) {
    this.#options = options
    this.#connections = connections
    this.#stopping = stopping
    this.#doubts = doubts
    stopping.addEventListener('abort', () => this.#listeners.clear())
  }

  get current(): ClusterMetadata {
    return this.#current
  }

  get attemptMs(): number {
    return this.isReachable ? ATTEMPT_MS : ATTEMPT_MS / 3
  }

  /** Called with each new metadata, after it is in force. Returns how to stop. */
  onChange(listener: (metadata: ClusterMetadata) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What a node said; where it lags behind what is known of a partition, that stays. */
  accept(next: ClusterMetadata): void {
    if (next === this.#current) return
    this.#current = newest(this.#current, next)
    for (const listener of this.#listeners) listener(this.#current)
  }

  /** See ClusterClient.refresh. */
  refresh(): Promise<void> {
    return this.#refreshing.run()
  }

  /** The node that is reached there. */
  nodeAt({ host, port }: Pick<Connection, 'host' | 'port'>): ClusterNode | undefined {
    for (const node of this.#current.nodes.values()) if (node.host === host && node.port === port) return node
    return undefined
  }

  /** A node that hung a moment ago: others are asked first. */
  isAvoided(address: NodeAddress): boolean {
    const node = this.nodeAt(address)
    return node !== undefined && this.#doubts.isAvoided(node.nodeId)
  }

  /** The nodes in any order, those that hang last, then those we began with. */
  addresses(): NodeAddress[] {
    const some = shuffled([...this.#current.nodes.values()], this.#options.random)
    const nodes: NodeAddress[] = some.toSorted((a, b) => this.#avoided(a) - this.#avoided(b))
    const missing = this.#options.bootstrapServers.filter(
      ({ host, port }) => !nodes.some((node) => node.host === host && node.port === port),
    )
    return [...nodes, ...missing]
  }

  #avoided({ nodeId }: ClusterNode): number {
    return this.#doubts.isAvoided(nodeId) ? 1 : 0
  }

  async #refresh(): Promise<void> {
    const failures: unknown[] = []
    for (const address of this.addresses()) {
      try {
        this.accept(await this.#askedOf(address))
        return
      } catch (error) {
        failures.push(error)
        if (this.#stopping.aborted || isCredentialsFailure(error)) break
      }
    }
    if (this.#stopping.aborted) throw stoppingError()
    throw nobodyAnswers(failures)
  }

  async #askedOf(address: NodeAddress): Promise<ClusterMetadata> {
    const { clock } = this.#options
    const limitMs = this.attemptMs
    const connection = await withinMs(this.#connections.get(address), limitMs, clock)
    const asked = withErrorsInIt(metadataV12.api.async(connection, null, false, false))
    try {
      return clusterMetadata(await withinMs(asked, limitMs, clock))
    } catch (error) {
      throw this.#connections.failureOf(address) ?? error
    }
  }
}

const CERTIFICATES = 'Its operator has to set ssl.truststore.location and ssl.keystore.location right.'

function nobodyAnswers(failures: readonly unknown[]): BrokerError {
  const error = failures.at(-1)
  if (!isConnectionFailure(error) || isCredentialsFailure(error)) {
    return asBrokerError(error, 'to say what topics there are')
  }
  const reasons = [...new Set(failures.map(rootMessage))].join('; ')
  return new BrokerError(
    'BROKER_NOT_AVAILABLE',
    `No node of the cluster answers: ${reasons}. ${isCertificateFailure(error) ? CERTIFICATES : 'Send the request again.'}`,
    {
      retryAfterSeconds: 1,
      cause: error,
    },
  )
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

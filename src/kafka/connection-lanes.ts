import type { Connection, ConnectionOptions } from '@platformatic/kafka'
import type { ClusterOptions } from './cluster-options.ts'
import type { ClusterNode } from './cluster-metadata.ts'
import { answersNewcomers, NodeConnections } from './node-connections.ts'

/**
 * What a connection is for. A broker answers one connection's requests in turn, so that a fetch that waits would hold up
 * everything behind it; and it ends the connection on which it refuses what it does not answer (acks=0), with everything
 * behind that: at most five connections a broker, one each.
 */
export type Lane = 'control' | 'groups' | 'produce' | 'unanswered' | 'fetch'

/** The connections to the nodes of a cluster. */
export class ConnectionLanes {
  readonly #options: ClusterOptions
  readonly #how: ConnectionOptions
  readonly #lanes: Readonly<Record<Lane, NodeConnections>>

  /** @param onRefused a node has ended a connection on which it was sent what it does not answer */
  constructor(options: ClusterOptions, how: ConnectionOptions, onRefused: () => void) {
    this.#options = options
    this.#how = how
    const connections = (onLost?: () => void): NodeConnections =>
      new NodeConnections(options.clientId, how, options.clock, onLost)
    this.#lanes = {
      control: connections(),
      groups: connections(),
      produce: connections(),
      unanswered: connections(onRefused),
      fetch: connections(),
    }
  }

  of(lane: Lane): NodeConnections {
    return this.#lanes[lane]
  }

  get(node: ClusterNode, lane: Lane): Promise<Connection> {
    return this.#lanes[lane].get(node)
  }

  /** Whether it answers on a connection made for that. */
  probe(node: ClusterNode): Promise<boolean> {
    return answersNewcomers(this.#options.clientId, this.#how, node, this.#options.clock)
  }

  /** Ends all connections to the node: what was asked on them comes to an error. */
  giveUp(node: ClusterNode): void {
    for (const lane of Object.values(this.#lanes)) lane.giveUp(node)
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#lanes).map((lane) => lane.close()))
  }
}

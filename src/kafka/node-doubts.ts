import type { Clock } from '../broker/clock.ts'
import type { Logger } from '../broker/logger.ts'
import type { ClusterNode } from './cluster-metadata.ts'

/** Whoever owes an answer for so long is asked whether it is there at all, again and again while it owes it. */
const DOUBT_AFTER_MS = 2000
/** A node that was found to hang is asked last for so long. */
const AVOIDED_MS = 10_000

export interface NodeDoubtsOptions {
  /** True where the node answers somebody who comes anew. */
  readonly probe: (node: ClusterNode) => Promise<boolean>
  /** Ends all connections to the node: what waits for answers there is told so. */
  readonly giveUp: (node: ClusterNode) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Tells nodes that hang from those that take long: a machine that hangs keeps its connections, and an answer may take a
 * broker as long as its replicas do. So a node that owes an answer is asked on another connection; where that comes to
 * nothing, the others are given up long before `request.timeout.ms`, and who waits looks for the leader anew.
 */
export class NodeDoubts {
  readonly #options: NodeDoubtsOptions
  readonly #asked = new Set<number>()
  readonly #hungAt = new Map<number, number>()

  constructor(options: NodeDoubtsOptions) {
    this.#options = options
  }

  /** Comes to what `answer` comes to. */
  async watch<T>(node: ClusterNode, answer: Promise<T>): Promise<T> {
    const { clock } = this.#options
    const look = (): void => {
      timer = clock.setTimer(DOUBT_AFTER_MS, look)
      void this.#doubt(node)
    }
    let timer = clock.setTimer(DOUBT_AFTER_MS, look)
    try {
      return await answer
    } finally {
      timer.cancel()
    }
  }

  /** It was found to hang a moment ago. */
  isAvoided(nodeId: number): boolean {
    const hungAt = this.#hungAt.get(nodeId)
    return hungAt !== undefined && this.#options.clock.monotonic() - hungAt < AVOIDED_MS
  }

  async #doubt(node: ClusterNode): Promise<void> {
    const { probe, giveUp, clock, logger } = this.#options
    const { nodeId } = node
    if (this.#asked.has(nodeId)) return
    this.#asked.add(nodeId)
    const isThere = await probe(node).catch(() => false)
    this.#asked.delete(nodeId)
    if (isThere) {
      this.#hungAt.delete(nodeId)
      return
    }
    if (!this.isAvoided(nodeId))
      logger.warn({ nodeId }, 'a node of the cluster does not answer: others are asked first')
    this.#hungAt.set(nodeId, clock.monotonic())
    giveUp(node)
  }
}

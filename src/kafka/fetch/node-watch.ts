import type { PartitionRead } from '../../broker/engine.ts'
import type { Clock } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import type { ClusterTopic } from '../cluster-metadata.ts'
import { isConnectionFailure } from '../kafka-errors.ts'
import { pause, withinMs } from '../time-limits.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import { partitionKeyOf, type FetchPosition, type FetchRequest, type PartitionId } from './fetch-request.ts'
import type { FetchResponse } from './fetch-response.ts'
import { partitionAnswer, type NodeReads, type PartitionAnswer } from './node-reads.ts'
import { WatchedPartition } from './watched-partition.ts'

/** How long the broker waits for records: short where partitions were added, for others may follow; longer each time. */
const SHORTEST_WAIT_MS = 20
const LONGEST_WAIT_MS = 500
/** How often partitions are asked for that came while the broker waits with those it knows. */
const BETWEEN_MS = 4
const ANSWER_MAX_BYTES = 4 * 1024 * 1024
const PARTITION_MAX_BYTES = 1024 * 1024
/** A partition stays this long behind its last waiter: the next page's wait finds it there. */
const LINGER_MS = 5000
const ANSWER_TIMEOUT_MS = 5000
/** FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR */
const sessionLost: ReadonlySet<number> = new Set([70, 71, 106])
const MAX_EPOCH = 0x7fff_ffff

export interface NodeWatchOptions {
  readonly nodeId: number
  /** On a connection of its own: what waits holds up all behind it. */
  readonly fetch: (request: FetchRequest) => Promise<FetchResponse>
  /** Of the same node, on another connection. */
  readonly reads: NodeReads
  readonly clock: Clock
  readonly logger: Logger
  readonly stopping: AbortSignal
}

/**
 * Waits at one node for what comes to its partitions, for all reads that wait: one connection, one fetch session, one
 * request under way, however many they are.
 */
export class NodeWatch {
  readonly #options: NodeWatchOptions
  readonly #partitions = new Map<string, WatchedPartition>()
  #forgotten: PartitionId[] = []
  #sessionId = 0
  #sessionEpoch = 0
  #isRunning = false
  #isPolling = false
  #isBridging = false
  #waitMs = SHORTEST_WAIT_MS

  constructor(options: NodeWatchOptions) {
    this.#options = options
  }

  /** Undefined where it is not watched. */
  find(partition: PartitionId): WatchedPartition | undefined {
    return this.#partitions.get(partitionKeyOf(partition))
  }

  /** The broker waits for what comes there, at this moment. */
  isWaitingAt({ offset, askedOffset }: WatchedPartition): boolean {
    return this.#isPolling && offset === askedOffset
  }

  /** @param bounds as they were when nothing was found at the offset */
  watch(topic: ClusterTopic, partition: number, offset: number, bounds: PartitionRead): WatchedPartition {
    const key = partitionKeyOf({ uuid: topic.uuid, partition })
    const known = this.#partitions.get(key)
    if (known !== undefined) return known
    const watched = new WatchedPartition(topic, partition, offset, bounds)
    this.#partitions.set(key, watched)
    return watched
  }

  /** Behind what was added. */
  start(): void {
    if (this.#isPolling) void this.#bridge()
    if (this.#isRunning || this.#options.stopping.aborted) return
    this.#isRunning = true
    void this.#run().finally(() => {
      this.#isRunning = false
      // Some may have come between its last look and this.
      if (this.#partitions.size > 0) this.start()
    })
  }

  /** Lets go of the partitions that this is true for: their waiters look for themselves. */
  abandon(isGone: (partition: WatchedPartition) => boolean): void {
    for (const [key, partition] of this.#partitions) {
      if (isGone(partition)) this.#drop(key, partition)
    }
  }

  async #run(): Promise<void> {
    try {
      while (!this.#options.stopping.aborted) {
        this.#dropUnwanted()
        if (this.#partitions.size === 0) return
        await this.#poll()
      }
    } catch (error) {
      this.#tellIfUnforeseen(error)
      this.#endSession()
      this.abandon(() => true)
    }
  }

  /** One request of the session. */
  async #poll(): Promise<void> {
    const asked = [...this.#partitions.values()].filter(({ offset, askedOffset }) => offset !== askedOffset)
    this.#waitMs = asked.some(({ askedOffset }) => askedOffset < 0)
      ? SHORTEST_WAIT_MS
      : Math.min(this.#waitMs * 2, LONGEST_WAIT_MS)
    for (const partition of asked) partition.askedOffset = partition.offset
    // The broker forgets behind what it adds.
    const forgotten = this.#forgotten.filter((partition) => this.find(partition) === undefined)
    this.#forgotten = []
    this.#isPolling = true
    try {
      const request = {
        maxWaitMs: this.#waitMs,
        maxBytes: ANSWER_MAX_BYTES,
        sessionId: this.#sessionId,
        sessionEpoch: this.#sessionEpoch,
        positions: asked.map(positionOf),
        forgotten,
      }
      const { fetch, clock } = this.#options
      const response = await withinMs(fetch(request), this.#waitMs + ANSWER_TIMEOUT_MS, clock)
      this.#takeResponse(response)
    } finally {
      this.#isPolling = false
    }
  }

  #takeResponse(response: FetchResponse): void {
    if (sessionLost.has(response.errorCode)) return this.#endSession()
    if (response.errorCode !== 0) {
      throw new BrokerError('NETWORK_EXCEPTION', `The node answered with error ${response.errorCode}.`)
    }
    for (const fetched of response.partitions) {
      const key = partitionKeyOf(fetched)
      const partition = this.#partitions.get(key)
      // One that went and came again meanwhile was asked for at another offset.
      if (partition === undefined || partition.askedOffset < 0) continue
      this.#take(key, partition, partitionAnswer(fetched, partition.askedOffset), partition.askedOffset)
    }
    // Without a session the broker has forgotten all by now.
    if (response.sessionId === 0) return this.#endSession()
    this.#sessionId = response.sessionId
    this.#sessionEpoch = this.#sessionEpoch === MAX_EPOCH ? 1 : this.#sessionEpoch + 1
  }

  #take(key: string, partition: WatchedPartition, answer: PartitionAnswer, fromOffset: number): void {
    // Reads that look for themselves tell what the trouble is.
    const isTrouble = answer.kafkaCode !== 0 || answer.batches.damaged !== undefined
    if (answer.kafkaCode === 0) partition.take(answer, fromOffset)
    if (isTrouble) this.#drop(key, partition)
  }

  /** Asks for partitions that the broker's session does not have yet, until it is asked the next time. */
  async #bridge(): Promise<void> {
    if (this.#isBridging) return
    this.#isBridging = true
    try {
      while (this.#isPolling && !this.#options.stopping.aborted) {
        const joining = [...this.#partitions].filter(([, { waiters, offset, askedOffset }]) => {
          return waiters.size > 0 && offset !== askedOffset
        })
        if (joining.length === 0) return
        await this.#readJoining(joining)
        await pause(BETWEEN_MS, this.#options.clock, this.#options.stopping)
      }
    } catch (error) {
      // The session's own request meets the trouble too.
      this.#tellIfUnforeseen(error)
    } finally {
      this.#isBridging = false
    }
  }

  async #readJoining(joining: readonly [string, WatchedPartition][]): Promise<void> {
    const positions = joining.map(([, partition]) => positionOf(partition))
    const answers = await this.#options.reads.read(positions, ANSWER_MAX_BYTES)
    for (const [index, [key, partition]] of joining.entries()) {
      const answer = answers.get(key)
      const from = positions[index]?.offset
      if (answer === undefined || from === undefined || this.#partitions.get(key) !== partition) continue
      this.#take(key, partition, answer, from)
    }
  }

  #endSession(): void {
    this.#sessionId = 0
    this.#sessionEpoch = 0
    this.#forgotten = []
    for (const partition of this.#partitions.values()) partition.askedOffset = -1
  }

  #tellIfUnforeseen(error: unknown): void {
    if (isConnectionFailure(error) || error instanceof BrokerError) return
    this.#options.logger.error({ err: error, nodeId: this.#options.nodeId }, 'waiting for records failed')
  }

  #dropUnwanted(): void {
    const now = this.#options.clock.monotonic()
    this.abandon((partition) => {
      if (partition.waiters.size > 0) partition.idleSince = now
      return partition.isUnwanted || now - partition.idleSince > LINGER_MS
    })
  }

  #drop(key: string, partition: WatchedPartition): void {
    this.#partitions.delete(key)
    if (partition.askedOffset >= 0) this.#forgotten.push({ uuid: partition.uuid, partition: partition.partition })
    partition.abandon()
  }
}

function positionOf({ uuid, partition, offset }: WatchedPartition): FetchPosition {
  return { uuid, partition, offset, maxBytes: PARTITION_MAX_BYTES }
}

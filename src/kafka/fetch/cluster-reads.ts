import { BrokerError } from '../../broker/broker-error.ts'
import type { PartitionRead, ReadPosition, ReadRequest, ReadResult } from '../../broker/engine.ts'
import type { ClusterClient } from '../cluster-client.ts'
import type { ClusterMetadata } from '../cluster-metadata.ts'
import { pause } from '../time-limits.ts'
import { fetchFrom } from './fetch-call.ts'
import { locate } from './leader-questions.ts'
import { NodeWatch } from './node-watch.ts'
import { PositionReads, withinBytes } from './position-reads.ts'
import { WaitingRead, type WaitEnd } from './waiting-read.ts'

/** Reads that wait at least so long need not look first where others wait already: what is on its way comes meanwhile. */
const UNASKED_WAIT_MIN_MS = 100
/** How long a stop waits for reads that look for records: their connections end behind it. */
const CLOSE_WAIT_MS = 3000

export interface ReadLimits {
  /** `fetch.waiting.max` */
  readonly waitingReadsMax: number
  /** `fetch.inflight.max.bytes` */
  readonly fetchInflightBytesMax: number
}

/** Reads of a cluster: what is there at once, and waits for what is not, all of one node's together. */
export class ClusterReads {
  readonly #client: ClusterClient
  readonly #waitingMax: number
  readonly #reads: PositionReads
  readonly #watches = new Map<number, NodeWatch>()
  readonly #waiting = new Set<WaitingRead>()
  /** Reads that wait or may come to it, in the order they came. */
  readonly #patient = new Set<ReadRequest>()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #forgetMetadata: () => void
  #closed = false
  #refusals = 0

  constructor(client: ClusterClient, limits: ReadLimits) {
    this.#client = client
    this.#waitingMax = limits.waitingReadsMax
    this.#reads = new PositionReads(client, limits.fetchInflightBytesMax)
    this.#forgetMetadata = client.onMetadata((metadata) => this.#leaveMoved(metadata))
  }

  /** Waits refused so far. */
  get refusals(): number {
    return this.#refusals
  }

  /** See `Engine.read`. */
  read(request: ReadRequest): Promise<ReadResult> {
    const reading = this.#read(request)
    this.#underWay.add(reading)
    const answered = (): unknown => this.#underWay.delete(reading)
    reading.then(answered, answered)
    return reading
  }

  async #read(given: ReadRequest): Promise<ReadResult> {
    if (given.waitMs <= 0) return { partitions: await this.#look(given) }
    const request = { ...given }
    this.#patient.add(request)
    try {
      return await this.#readPatiently(request)
    } finally {
      this.#patient.delete(request)
    }
  }

  async #readPatiently(request: ReadRequest): Promise<ReadResult> {
    const { clock, retryBackoffMs } = this.#client.options
    const deadline = clock.monotonic() + request.waitMs
    for (let looks = 0; ; looks++) {
      const left = Math.max(0, deadline - clock.monotonic())
      const idle = looks === 0 && left >= UNASKED_WAIT_MIN_MS ? this.#idleReads(request.positions) : undefined
      const partitions = idle ?? (await this.#look({ ...request, waitMs: left }))
      if (partitions.some(isAnswer)) return { partitions }
      const waitMs = deadline - clock.monotonic()
      if (waitMs <= 0 || this.#isOver(request.signal)) return { partitions }
      const end = await this.#wait(request, partitions, waitMs)
      if (end === 'over') return { partitions }
      if (end !== 'again') return { partitions: withinBytes(end, request.maxBytes) }
      // What is said to be there is found at the next look. Where it is not, looking on and on would not help.
      if (looks > 0) await pause(Math.min(retryBackoffMs, waitMs), clock, request.signal ?? this.#client.stopping)
    }
  }

  /** Ends waiting reads with what there is; resolves when those under way have looked, or do not come to it. */
  async close(): Promise<void> {
    this.#closed = true
    this.#forgetMetadata()
    for (const waiting of this.#waiting) waiting.end('over')
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#client.options.clock.setTimer(CLOSE_WAIT_MS, resolve)
    await Promise.race([Promise.allSettled(this.#underWay), promise])
    timer.cancel()
  }

  #look(request: ReadRequest): Promise<readonly PartitionRead[]> {
    return this.#reads.read(request, () => this.#isOver(request.signal))
  }

  /** Where all positions are watched and nothing is there, nobody needs to be asked. */
  #idleReads(positions: readonly ReadPosition[]): readonly PartitionRead[] | undefined {
    const reads: PartitionRead[] = []
    for (const position of positions) {
      const located = locate(this.#client, position)
      if (located instanceof BrokerError) return undefined
      const watch = this.#watches.get(located.leader)
      const watched = watch?.find(located)
      if (watch === undefined || watched === undefined || !watch.isWaitingAt(watched)) return undefined
      // Beyond the end the broker has to say so.
      if (position.offset !== watched.offset || !watched.isIdleAt(position.offset)) return undefined
      reads.push(watched.emptyRead)
    }
    return reads
  }

  async #wait(request: ReadRequest, reads: readonly PartitionRead[], waitMs: number): Promise<WaitEnd> {
    this.#refuseIfFull(request)
    const { promise, resolve } = Promise.withResolvers<WaitEnd>()
    const waiting = new WaitingRead(resolve)
    const { clock } = this.#client.options
    const over = (): void => waiting.end('over')
    const timer = clock.setTimer(waitMs, over)
    request.signal?.addEventListener('abort', over)
    this.#waiting.add(waiting)
    try {
      this.#waitAtAll(waiting, request.positions, reads)
      return await promise
    } finally {
      this.#waiting.delete(waiting)
      request.signal?.removeEventListener('abort', over)
      timer.cancel()
    }
  }

  #waitAtAll(waiting: WaitingRead, positions: readonly ReadPosition[], reads: readonly PartitionRead[]): void {
    const watches = new Set<NodeWatch>()
    for (const [index, position] of positions.entries()) {
      const located = locate(this.#client, position)
      const read = reads[index]
      if (located instanceof BrokerError || read === undefined) return waiting.end('again')
      const watch = this.#watchOf(located.leader)
      waiting.waitAt(watch.watch(located.topic, located.partition, position.offset, read), position.offset)
      watches.add(watch)
    }
    for (const watch of watches) watch.start()
  }

  #watchOf(nodeId: number): NodeWatch {
    const known = this.#watches.get(nodeId)
    if (known !== undefined) return known
    const { clock, logger } = this.#client.options
    const made = new NodeWatch({
      nodeId,
      fetch: async (request) => {
        const connection = await this.#client.connectionTo(nodeId, 'fetch')
        const response = await this.#client.awaited(nodeId, fetchFrom(connection, request))
        this.#client.answered()
        return response
      },
      reads: this.#reads.node(nodeId),
      clock,
      logger,
      stopping: this.#client.stopping,
    })
    this.#watches.set(nodeId, made)
    return made
  }

  /** Who came first waits, whoever of them is the first to find nothing: looking takes each its own time. */
  #refuseIfFull(request: ReadRequest): void {
    if (this.#patient.size <= this.#waitingMax) return
    let before = 0
    for (const other of this.#patient) {
      if (other === request) break
      before++
    }
    if (before < this.#waitingMax) return
    this.#refusals++
    throw new BrokerError(
      'SERVER_OVERLOADED',
      `${before} reads wait for records already, as many as may (fetch.waiting.max). Ask again in a ` +
        `moment, or with waitMs=0.`,
      { retryAfterSeconds: 1 },
    )
  }

  /** Reads wait no longer where a partition was, or for a topic that is gone. */
  #leaveMoved({ topicsById }: ClusterMetadata): void {
    for (const [nodeId, watch] of this.#watches) {
      watch.abandon(({ topic, partition }) => topicsById.get(topic.topicId)?.partitions[partition]?.leader !== nodeId)
    }
  }

  #isOver(signal: AbortSignal | undefined): boolean {
    return this.#closed || this.#client.stopping.aborted || signal?.aborted === true
  }
}

/** Ends the wait: records, or an error. */
function isAnswer(read: PartitionRead): boolean {
  return read.batches.length > 0 || read.error !== undefined
}

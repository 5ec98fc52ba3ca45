import { setImmediate } from 'node:timers'
import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { Acks } from '../../broker/append-request.ts'
import { NodeLine, type Dispatch } from './node-line.ts'
import type { OutboundBatch, Shipment } from './outbound-batch.ts'
import { PartitionOutbox, type ProducerSession } from './partition-outbox.ts'
import { judgementOf, withoutAnswer, type ShipmentAnswer } from './produce-answer.ts'
import { NoAnswer, type ProduceCluster } from './produce-cluster.ts'
import type { PartitionAnswer } from './produce-request.ts'

export interface RecordSenderOptions {
  readonly cluster: ProduceCluster
  readonly clock: Clock
  /** How long a broker waits for replicas. */
  readonly replicationTimeoutMs: number
}

/** A topic just made or moved may be unknown to a node that learns of it in a moment. */
const GONE_AFTER_ROUNDS = 3
/** So many partitions are kept without a look at whether they are still there. */
const SWEEP_MIN = 1000

/**
 * Brings batches to the leaders of their partitions: a request carries those of many partitions, and up to five of them are
 * in flight to a node. Partitions in trouble wait for the next round, in which leaders are looked for again.
 */
export class RecordSender {
  readonly #options: RecordSenderOptions
  readonly #outboxes = new Map<string, PartitionOutbox>()
  readonly #lines = new Map<number, NodeLine>()
  /** In trouble, and for how many rounds their partition has been gone. */
  readonly #troubled = new Map<PartitionOutbox, number>()
  readonly #waitForSession = new Set<PartitionOutbox>()
  #session: ProducerSession | undefined
  #openingSession = false
  #passPending = false
  #roundPending = false
  #rounds = 0
  #sweepAt = SWEEP_MIN
  #givesUp = false

  constructor(options: RecordSenderOptions) {
    this.#options = options
  }

  /** Each is settled once. Batches of one partition are stored in the order in which they come here. */
  push(topic: string, partition: number, batches: readonly OutboundBatch[]): void {
    const outbox = this.#outbox(topic, partition)
    for (const batch of batches) outbox.push(batch)
    if (!this.#troubled.has(outbox) && !this.#waitForSession.has(outbox)) this.#wake(outbox)
  }

  /** From now on nothing is tried again. */
  giveUp(): void {
    this.#givesUp = true
    for (const outbox of this.#outboxes.values()) outbox.refuseAll(stopping())
  }

  #outbox(topic: string, partition: number): PartitionOutbox {
    const key = keyOf({ topic, partition })
    let outbox = this.#outboxes.get(key)
    if (outbox === undefined) {
      if (this.#outboxes.size >= this.#sweepAt) this.#sweep()
      this.#outboxes.set(key, (outbox = new PartitionOutbox(topic, partition)))
    }
    return outbox
  }

  /** Partitions come and go: those that are gone, and owe nothing, are forgotten. */
  #sweep(): void {
    const { cluster } = this.#options
    for (const [key, outbox] of this.#outboxes) {
      if (outbox.isEmpty && cluster.leaderOf(outbox) === 'gone') this.#forget(key, outbox)
    }
    this.#sweepAt = Math.max(SWEEP_MIN, 2 * this.#outboxes.size)
  }

  /**
   * Whoever may not see a partition for a while finds it gone, too. When it is back, its broker still knows the sequences
   * that it had, and would take new records under them for those: it begins under another producer id.
   */
  #forget(key: string, { hasSequences }: PartitionOutbox): void {
    this.#outboxes.delete(key)
    if (hasSequences) this.#session = undefined
  }

  /** Partitions of which anything is kept. */
  get partitionCount(): number {
    return this.#outboxes.size
  }

  #wake(outbox: PartitionOutbox): void {
    if (this.#givesUp) return outbox.refuseAll(stopping())
    const leader = this.#options.cluster.leaderOf(outbox)
    if (typeof leader !== 'number') return this.#trouble(outbox)
    this.#line(leader).ready.add(outbox)
    this.#passSoon()
  }

  #line(nodeId: number): NodeLine {
    let line = this.#lines.get(nodeId)
    if (line === undefined) this.#lines.set(nodeId, (line = new NodeLine(nodeId)))
    return line
  }

  /** Behind all that came with the same turn of the event loop: it goes out together. */
  #passSoon(): void {
    if (this.#passPending) return
    this.#passPending = true
    setImmediate(() => {
      this.#passPending = false
      for (const line of this.#lines.values()) this.#serve(line)
    })
  }

  #serve(line: NodeLine): void {
    while (line.hasRoom) {
      for (const [acks, load] of line.load((outbox) => this.#nextOf(outbox, line))) void this.#send(line, acks, load)
    }
  }

  #nextOf(outbox: PartitionOutbox, { nodeId }: NodeLine): Shipment | undefined {
    if (this.#options.cluster.leaderOf(outbox) !== nodeId) {
      this.#wake(outbox)
      return undefined
    }
    if (outbox.wantsSession(this.#session)) {
      this.#waitForSession.add(outbox)
      void this.#openSession()
      return undefined
    }
    return outbox.next(this.#session)
  }

  async #send(line: NodeLine, acks: Acks, load: readonly Dispatch[]): Promise<void> {
    line.inFlight++
    const answers = await this.#answersTo(line.nodeId, acks, load)
    line.inFlight--
    for (const [index, { outbox, shipment }] of load.entries()) {
      const answer = answers[index]
      if (answer === undefined) continue
      outbox.answer(shipment, answer)
      if (this.#givesUp) outbox.refuseAll(stopping())
      else if (isTrouble(answer)) this.#trouble(outbox)
      else if (outbox.hasWork && !this.#troubled.has(outbox)) this.#wake(outbox)
    }
    if (line.hasRoom) this.#passSoon()
  }

  async #answersTo(nodeId: number, acks: Acks, load: readonly Dispatch[]): Promise<readonly ShipmentAnswer[]> {
    const { cluster, replicationTimeoutMs } = this.#options
    const batches = load.map(({ outbox: { topic, partition }, shipment: { bytes } }) => ({ topic, partition, bytes }))
    try {
      const answered = await cluster.produce(nodeId, { acks, timeoutMs: replicationTimeoutMs, batches })
      if (acks === '0') return load.map(() => queued)
      const found = new Map(answered.map((answer) => [`${answer.topic} ${answer.partition}`, answer]))
      return load.map(({ outbox: { topic, partition } }) => this.#read(found.get(`${topic} ${partition}`), acks))
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      return load.map(() => withoutAnswer(error.wasSent ? 'doubt' : 'again', error.failure))
    }
  }

  #read(answer: PartitionAnswer | undefined, acks: Acks): ShipmentAnswer {
    if (answer === undefined) return withoutAnswer('doubt', unanswered())
    const { kafkaCode, baseOffset, logAppendTime } = answer
    const judgement = judgementOf(kafkaCode, acks)
    const failure = kafkaCode === 0 ? undefined : this.#options.cluster.failureOf(answer)
    return { judgement, baseOffset, logAppendTime, failure }
  }

  async #openSession(): Promise<void> {
    if (this.#openingSession) return
    this.#openingSession = true
    let failure: BrokerError | undefined
    try {
      this.#session = await this.#options.cluster.openSession()
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      failure = error
    }
    this.#openingSession = false
    const waiting = [...this.#waitForSession]
    this.#waitForSession.clear()
    for (const outbox of waiting) {
      if (failure === undefined) {
        if (!outbox.isEmpty) this.#wake(outbox)
        continue
      }
      outbox.refuseUnsent(failure)
      // What is in doubt has its time all the same, and is not to ask for a session without a pause.
      this.#trouble(outbox)
    }
  }

  /** It waits for the next round, unless there is nothing left to wait for. */
  #trouble(outbox: PartitionOutbox): void {
    if (!outbox.hasWork) return
    for (const { ready } of this.#lines.values()) ready.delete(outbox)
    if (!this.#troubled.has(outbox)) this.#troubled.set(outbox, 0)
    this.#roundSoon()
  }

  #roundSoon(): void {
    if (this.#roundPending) return
    this.#roundPending = true
    const { cluster, clock } = this.#options
    clock.setTimer(cluster.backoffMs(this.#rounds), () => void this.#round())
  }

  /** Looks for the leaders again, and lets everybody try once more. */
  async #round(): Promise<void> {
    const { cluster, clock } = this.#options
    let late = tooLate()
    let refreshed = true
    try {
      await cluster.refresh()
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      late = error
      refreshed = false
    }
    this.#roundPending = false
    this.#rounds++
    const troubled = [...this.#troubled]
    this.#troubled.clear()
    for (const [outbox, gone] of troubled) {
      outbox.expire(clock.monotonic(), late)
      if (!refreshed && !cluster.isReachable) outbox.refuseUnsent(late)
      if (!outbox.isEmpty) this.#retry(outbox, refreshed && cluster.leaderOf(outbox) === 'gone' ? gone + 1 : 0)
    }
    if (this.#troubled.size === 0) this.#rounds = 0
  }

  #retry(outbox: PartitionOutbox, goneRounds: number): void {
    if (goneRounds >= GONE_AFTER_ROUNDS) {
      outbox.refuseAll(partitionGone(outbox))
      if (outbox.isEmpty) this.#forget(keyOf(outbox), outbox)
      return
    }
    this.#wake(outbox)
    if (this.#troubled.has(outbox)) this.#troubled.set(outbox, goneRounds)
  }
}

function keyOf({ topic, partition }: Pick<PartitionOutbox, 'topic' | 'partition'>): string {
  return `${topic} ${partition}`
}

const queued: ShipmentAnswer = { judgement: 'stored', baseOffset: -1, logAppendTime: -1, failure: undefined }

/** Another try at once would come to the same. */
function isTrouble({ judgement }: ShipmentAnswer): boolean {
  return judgement === 'again' || judgement === 'doubt' || judgement === 'out-of-order'
}

function unanswered(): BrokerError {
  return new BrokerError('UNKNOWN_SERVER_ERROR', 'The broker left a partition out of its answer.')
}

function tooLate(): BrokerError {
  return new BrokerError(
    'REQUEST_TIMED_OUT',
    'The records could not be brought to the leader of their partition within delivery.timeout.ms.',
    { retryAfterSeconds: 1 },
  )
}

function partitionGone({ topic, partition }: PartitionOutbox): BrokerError {
  return new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `The cluster has no partition ${partition} of the topic "${topic}" any more.`,
  )
}

export function stopping(): BrokerError {
  return new BrokerError('SERVER_STOPPING', 'The server is stopping. Send the request again.', {
    stored: 'no',
    retryAfterSeconds: 1,
  })
}

import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { ProducerSession } from '../../../src/kafka/produce/partition-outbox.ts'
import { NoAnswer, type Leader, type ProduceCluster } from '../../../src/kafka/produce/produce-cluster.ts'
import type { PartitionAnswer, ProduceRequest } from '../../../src/kafka/produce/produce-request.ts'
import { ModelPartition } from './model-partition.ts'

const broken = new BrokerError('NETWORK_EXCEPTION', 'The connection broke.')

/** A request on the wire: the bytes as they were when it was sent. */
interface WireRequest {
  readonly nodeId: number
  readonly request: ProduceRequest
  readonly answer: (answers: readonly PartitionAnswer[]) => void
  readonly lose: (error: NoAnswer) => void
}

/** A cluster of one topic, whose logs survive any node; a node answers its requests in turn, when it is told to. */
export class ModelCluster implements ProduceCluster {
  isReachable = true
  readonly logs: readonly ModelPartition[]
  /** As the cluster has it; −1 = none. */
  readonly leaders: number[]
  topicIsGone = false
  sessionFailure: BrokerError | undefined
  /** Most requests of a node at a time. */
  mostInFlight = 0
  #known: number[]
  #goneKnown = false
  #sessions = 0
  readonly #wire: WireRequest[] = []

  constructor(partitionCount: number) {
    this.logs = Array.from({ length: partitionCount }, () => new ModelPartition())
    this.leaders = this.logs.map((_, partition) => partition % 2)
    this.#known = [...this.leaders]
  }

  leaderOf({ partition }: { readonly partition: number }): Leader {
    if (this.#goneKnown) return 'gone'
    const leader = this.#known[partition] ?? -1
    return leader < 0 ? 'none' : leader
  }

  async refresh(): Promise<void> {
    if (!this.isReachable) throw new BrokerError('BROKER_NOT_AVAILABLE', 'No node answers.')
    this.#known = [...this.leaders]
    this.#goneKnown = this.topicIsGone
  }

  async openSession(): Promise<ProducerSession> {
    if (this.sessionFailure !== undefined) throw this.sessionFailure
    return { id: BigInt(++this.#sessions), epoch: 0 }
  }

  produce(nodeId: number, request: ProduceRequest): Promise<readonly PartitionAnswer[]> {
    if (!this.isReachable) return Promise.reject(new NoAnswer(broken, false))
    const batches = request.batches.map((batch) => ({ ...batch, bytes: Buffer.from(batch.bytes) }))
    const { promise, resolve, reject } = Promise.withResolvers<readonly PartitionAnswer[]>()
    this.#wire.push({ nodeId, request: { ...request, batches }, answer: resolve, lose: reject })
    this.mostInFlight = Math.max(this.mostInFlight, this.#wire.filter((one) => one.nodeId === nodeId).length)
    return promise
  }

  failureOf({ kafkaCode }: PartitionAnswer): BrokerError {
    return new BrokerError('NOT_LEADER_OR_FOLLOWER', `Kafka's error ${kafkaCode}.`)
  }

  backoffMs(): number {
    return 100
  }

  get requestsOnTheWire(): number {
    return this.#wire.length
  }

  /** The oldest request is done, and answered. */
  answerOne(): void {
    const next = this.#wire.shift()
    next?.answer(this.#carryOut(next))
  }

  /** All connections break, when so many requests were carried out. */
  breakAll(carriedOut: number): void {
    for (const [at, one] of this.#wire.splice(0).entries()) {
      if (at < carriedOut) this.#carryOut(one)
      one.lose(new NoAnswer(broken, true))
    }
  }

  #carryOut({ nodeId, request }: WireRequest): PartitionAnswer[] {
    return request.batches.map(({ topic, partition, bytes }) => {
      const log = this.logs[partition]
      const isLeader = !this.topicIsGone && this.leaders[partition] === nodeId
      const missing = this.topicIsGone ? 3 : 6
      const said = isLeader && log !== undefined ? log.append(bytes) : { kafkaCode: missing, baseOffset: -1 }
      return { topic, partition, ...said, logAppendTime: -1, message: null }
    })
  }
}

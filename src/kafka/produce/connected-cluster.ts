import { initProducerIdV4 } from '@platformatic/kafka'
import type { BrokerError } from '../../broker/broker-error.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { asBrokerError, refusal } from '../kafka-errors.ts'
import type { ProducerSession } from './partition-outbox.ts'
import { NoAnswer, type Leader, type ProduceCluster } from './produce-cluster.ts'
import { refusedRecords } from './refused-records.ts'
import { produce, type PartitionAnswer, type ProduceRequest } from './produce-request.ts'

/** Of the gateway's own producer id: it has no transactions. */
const NO_TRANSACTION_TIMEOUT_MS = 0

/** See `ProduceCluster`: a real one. */
export class ConnectedCluster implements ProduceCluster {
  readonly #client: ClusterClient

  constructor(client: ClusterClient) {
    this.#client = client
  }

  get isReachable(): boolean {
    return this.#client.reachable
  }

  leaderOf({ topic, partition }: { readonly topic: string; readonly partition: number }): Leader {
    const found = this.#client.partition(topic, partition)
    if (found === undefined) return 'gone'
    return found.leader < 0 ? 'none' : found.leader
  }

  refresh(): Promise<void> {
    return this.#client.refresh()
  }

  async openSession(): Promise<ProducerSession> {
    const doing = 'to give the gateway a producer id'
    const { producerId, producerEpoch } = await this.#client.toAny(
      (connection) => initProducerIdV4.api.async(connection, null, NO_TRANSACTION_TIMEOUT_MS, -1n, -1),
      { doing, lane: 'produce' },
    )
    return { id: producerId, epoch: producerEpoch }
  }

  async produce(nodeId: number, request: ProduceRequest): Promise<readonly PartitionAnswer[]> {
    const doing = 'to store records'
    const lane = request.acks === '0' ? 'unanswered' : 'produce'
    const connection = await this.#client.connectionTo(nodeId, lane).catch((error: unknown) => {
      throw new NoAnswer(asBrokerError(error, doing), false)
    })
    try {
      const answers = await this.#client.awaited(nodeId, produce(connection, request))
      this.#client.answered()
      return answers
    } catch (error) {
      throw new NoAnswer(asBrokerError(error, doing), true)
    }
  }

  failureOf(answer: PartitionAnswer): BrokerError {
    const { topic, partition, kafkaCode, message } = answer
    const refused = refusedRecords(answer)
    return refusal(kafkaCode, `records for partition ${partition} of the topic "${topic}"`, message, {
      ...(refused.length > 0 && { refusedRecords: refused }),
    })
  }

  backoffMs(failures: number): number {
    return this.#client.backoffMs(failures)
  }
}

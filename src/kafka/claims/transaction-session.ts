import { addPartitionsToTxnV3, endTxnV3, initProducerIdV4, ResponseError } from '@platformatic/kafka'
import { BrokerError } from '../../broker/broker-error.ts'
import type { AppendPart } from '../../broker/engine.ts'
import { setTransaction } from '../../codec/record-batch.ts'
import type { Call, ClusterClient } from '../cluster-client.ts'
import { produce, type PartitionAnswer } from '../produce/produce-request.ts'

/** A transaction that is not ended by then is aborted: its gateway died. Until then readers wait in front of it. */
const TRANSACTION_TIMEOUT_MS = 60_000
/** Well before that a gateway that is alive gives up by itself. */
const STEP_TIMEOUT_MS = 15_000
const SEQUENCE_MASK = 0x7fff_ffff

/** Where a part of a transaction is, batch by batch. */
export interface TransactedPart {
  readonly partition: number
  readonly answers: readonly PartitionAnswer[]
}

/** A transactional id as this gateway has it: whoever opens it after us fences us. One transaction at a time. */
export class TransactionSession {
  readonly #client: ClusterClient
  readonly #transactionalId: string
  readonly #id: bigint
  readonly #epoch: number
  readonly #sequences = new Map<string, number>()

  private constructor(client: ClusterClient, transactionalId: string, id: bigint, epoch: number) {
    this.#client = client
    this.#transactionalId = transactionalId
    this.#id = id
    this.#epoch = epoch
  }

  /** When it resolves, no transaction of this id is open, and none of an earlier session can be committed any more. */
  static async open(client: ClusterClient, transactionalId: string): Promise<TransactionSession> {
    const { producerId, producerEpoch } = await client.toCoordinator(
      'transaction',
      transactionalId,
      (to) => initProducerIdV4.api.async(to, transactionalId, TRANSACTION_TIMEOUT_MS, -1n, -1),
      { doing: 'to begin a transaction', timeoutMs: STEP_TIMEOUT_MS },
    )
    return new TransactionSession(client, transactionalId, producerId, producerEpoch)
  }

  async add(topic: string, partitions: readonly number[], ledger: string, ledgerPartition: number): Promise<void> {
    const transaction = {
      transactionalId: this.#transactionalId,
      producerId: this.#id,
      producerEpoch: this.#epoch,
      verifyOnly: false,
      topics: [
        { name: topic, partitions: [...partitions] },
        { name: ledger, partitions: [ledgerPartition] },
      ],
    }
    await this.#coordinator('to add partitions to a transaction', (to) =>
      addPartitionsToTxnV3.api.async(to, [transaction]),
    )
  }

  /** One batch after the other: a request holds one of a partition. */
  async produce(topic: string, { partition, batches }: AppendPart): Promise<TransactedPart> {
    const answers: PartitionAnswer[] = []
    for (const { bytes, recordCount } of batches) {
      const key = `${topic} ${partition}`
      const sequence = this.#sequences.get(key) ?? 0
      this.#sequences.set(key, (sequence + recordCount) & SEQUENCE_MASK)
      setTransaction(bytes, 0, { id: this.#id, epoch: this.#epoch, sequence })
      answers.push(await this.#produceOne(topic, partition, bytes))
    }
    return { partition, answers }
  }

  /** When it resolves with true, all of it will be seen by readers; with false none. */
  async end(isCommitted: boolean): Promise<void> {
    await this.#coordinator('to end a transaction', (to) =>
      endTxnV3.api.async(to, this.#transactionalId, this.#id, this.#epoch, isCommitted),
    )
  }

  #coordinator<T>(doing: string, call: Call<T>): Promise<T> {
    return this.#client.toCoordinator('transaction', this.#transactionalId, call, { doing, timeoutMs: STEP_TIMEOUT_MS })
  }

  #produceOne(topic: string, partition: number, bytes: Buffer): Promise<PartitionAnswer> {
    const { requestTimeoutMs } = this.#client.options
    const request = {
      acks: 'all',
      timeoutMs: Math.min(requestTimeoutMs, STEP_TIMEOUT_MS),
      transactionalId: this.#transactionalId,
      batches: [{ topic, partition, bytes }],
    } as const
    const call = { doing: `records for partition ${partition} of the topic "${topic}"`, lane: 'produce' } as const
    return this.#client.toLeader(topic, partition, async (to) => answered(await produce(to, request)), {
      ...call,
      timeoutMs: STEP_TIMEOUT_MS,
    })
  }
}

/** As the library rejects an answer with an error in it, so that it is tried again by the same rules. */
function answered([answer]: readonly PartitionAnswer[]): PartitionAnswer {
  if (answer === undefined) throw new BrokerError('UNKNOWN_SERVER_ERROR', 'The broker answered for no partition.')
  if (answer.kafkaCode === 0) return answer
  throw new ResponseError(0, 9, { '/': [answer.kafkaCode, answer.message] }, answer)
}

import { addPartitionsToTxnV3, endTxnV3, initProducerIdV4, metadataV12, ResponseError } from '@platformatic/kafka'
import { BrokerError } from '../../broker/broker-error.ts'
import type { AppendPart } from '../../broker/append-request.ts'
import { assignOffsets, setTransaction } from '../../codec/record-batch.ts'
import type { Call, ClusterClient } from '../cluster-client.ts'
import { answeredErrors, withErrorsInIt } from '../kafka-errors.ts'
import { produce, type PartitionAnswer, type PartitionBatch } from '../produce/produce-request.ts'
import { refusedRecords } from '../produce/refused-records.ts'
import { pause } from '../time-limits.ts'
import { topicIdOfUuid } from '../topic-id.ts'
import { fencedError } from './request-errors.ts'
import type { TransactedPart, TransactedTopic, Transactions, TransactionSession } from './transactions.ts'

/**
 * A transaction that is not ended by then is aborted: its gateway died. Until then readers wait in front of it, so that this
 * is no longer than a coordinator's fail-over may take.
 */
const TRANSACTION_TIMEOUT_MS = 40_000
/** Before that a gateway that is alive gives up by itself. */
const STEP_TIMEOUT_MS = 15_000
/** The end of the transaction before is still on its way: a matter of milliseconds. */
const UNFINISHED_WAIT_MS = 5000
const UNFINISHED_STEP_MAX_MS = 20
const SEQUENCE_MASK = 0x7fff_ffff

const PRODUCE = { name: 0, version: 9 }
const CONCURRENT_TRANSACTIONS = 51
/** Said of the other partitions where one is refused. */
const OPERATION_NOT_ATTEMPTED = 55
/** Epoch, state, id, fenced, unknown, abortable. */
const fencing: ReadonlySet<number> = new Set([47, 48, 49, 90, 105, 120])

/** See `Transactions`: of a cluster. */
export class ClusterTransactions implements Transactions {
  readonly #client: ClusterClient

  constructor(client: ClusterClient) {
    this.#client = client
  }

  async open(transactionalId: string): Promise<TransactionSession> {
    const { producerId, producerEpoch } = await ofCoordinator(
      this.#client,
      transactionalId,
      'to begin a transaction',
      (to) => initProducerIdV4.api.async(to, transactionalId, TRANSACTION_TIMEOUT_MS, -1n, -1),
    )
    return new ClusterTransactionSession(this.#client, transactionalId, producerId, producerEpoch)
  }

  /** Who leads a partition of a topic knows that topic's id. */
  async isStill(topic: string, topicId: string, partitions: readonly number[]): Promise<boolean> {
    const asked = new Map(partitions.map((partition) => [this.#client.partition(topic, partition)?.leader, partition]))
    const told = await Promise.all(
      [...asked.values()].map(async (partition) => {
        const call: Call<metadataV12.MetadataResponse> = (to) =>
          withErrorsInIt(metadataV12.api.async(to, [topic], false, false))
        const options = { doing: 'to tell the id of a topic', timeoutMs: STEP_TIMEOUT_MS }
        const { topics } = await this.#client.toLeader(topic, partition, call, options)
        return topics[0]?.topicId
      }),
    )
    return told.every((uuid) => uuid !== undefined && topicIdOfUuid(uuid) === topicId)
  }
}

class ClusterTransactionSession implements TransactionSession {
  readonly #client: ClusterClient
  readonly #transactionalId: string
  readonly #id: bigint
  readonly #epoch: number
  readonly #sequences = new Map<string, number>()

  constructor(client: ClusterClient, transactionalId: string, id: bigint, epoch: number) {
    this.#client = client
    this.#transactionalId = transactionalId
    this.#id = id
    this.#epoch = epoch
  }

  async begin(topics: readonly TransactedTopic[]): Promise<void> {
    const transaction = {
      transactionalId: this.#transactionalId,
      producerId: this.#id,
      producerEpoch: this.#epoch,
      verifyOnly: false,
      topics: topics.map(({ name, partitions }) => ({ name, partitions: [...partitions] })),
    }
    await this.#coordinator('to add partitions to a transaction', (to) => {
      // A topic that is gone is not waited for.
      for (const { name } of topics) if (!this.#client.metadata.topics.has(name)) throw gone(name)
      return addPartitionsToTxnV3.api.async(to, [transaction])
    })
  }

  async produce(topic: string, parts: readonly AppendPart[]): Promise<readonly TransactedPart[]> {
    const answers = parts.map((): PartitionAnswer[] => [])
    const rounds = Math.max(...parts.map(({ batches }) => batches.length))
    // One batch of each partition after the other: a request may hold one of each.
    for (let round = 0; round < rounds; round++) {
      const batches = parts.flatMap(({ partition, batches: all }): PartitionBatch[] => {
        const batch = all[round]
        return batch === undefined ? [] : [this.#stamped(topic, partition, batch)]
      })
      const stored = await this.#produceAll(topic, batches)
      for (const [at, { partition }] of parts.entries()) {
        const answer = stored.get(partition)
        if (answer !== undefined) answers[at]?.push(answer)
      }
    }
    return parts.map(({ partition }, at) => ({ partition, answers: answers[at] ?? [] }))
  }

  async end(isCommitted: boolean): Promise<void> {
    await this.#coordinator('to end a transaction', (to) =>
      endTxnV3.api.async(to, this.#transactionalId, this.#id, this.#epoch, isCommitted),
    )
  }

  #coordinator<T>(doing: string, call: Call<T>): Promise<T> {
    return ofCoordinator(this.#client, this.#transactionalId, doing, call)
  }

  #stamped(topic: string, partition: number, { bytes, recordCount }: AppendPart['batches'][number]): PartitionBatch {
    const key = `${topic} ${partition}`
    const sequence = this.#sequences.get(key) ?? 0
    this.#sequences.set(key, (sequence + recordCount) & SEQUENCE_MASK)
    // One that was read from a log still has its place there, with which brokers refuse it.
    assignOffsets(bytes, 0, 0, -1)
    setTransaction(bytes, 0, { id: this.#id, epoch: this.#epoch, sequence })
    return { topic, partition, bytes }
  }

  /** In one request to each leader. */
  async #produceAll(topic: string, batches: readonly PartitionBatch[]): Promise<Map<number, PartitionAnswer>> {
    const groups = Map.groupBy(batches, ({ partition }) => this.#client.partition(topic, partition)?.leader ?? -1)
    const answers = await Promise.all([...groups.values()].map((group) => this.#produceGroup(group)))
    return new Map(answers.flat().map((answer) => [answer.partition, answer]))
  }

  /** Those that do not succeed with the others, one by one: a batch that is stored is not stored again. */
  async #produceGroup(group: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]> {
    if (group.length === 1) return Promise.all(group.map((batch) => this.#produceOne(batch)))
    const [first] = group
    if (first === undefined) return []
    const answers = await this.#toLeader(first, (to) => produce(to, this.#request(group)))
    return Promise.all(
      group.map(async (batch) => {
        const answer = answers.find(({ partition }) => partition === batch.partition)
        return answer?.kafkaCode === 0 ? answer : await this.#produceOne(batch)
      }),
    )
  }

  #produceOne(batch: PartitionBatch): Promise<PartitionAnswer> {
    return this.#toLeader(batch, async (to) => answered(await produce(to, this.#request([batch]))))
  }

  #toLeader<T>({ topic, partition }: PartitionBatch, call: Call<T>): Promise<T> {
    const doing = `records for partition ${partition} of the topic "${topic}"`
    return this.#client.toLeader(topic, partition, (to) => patiently(this.#client, doing, () => call(to)), {
      doing,
      lane: 'produce',
      timeoutMs: STEP_TIMEOUT_MS,
    })
  }

  #request(batches: readonly PartitionBatch[]) {
    const timeoutMs = Math.min(this.#client.options.requestTimeoutMs, STEP_TIMEOUT_MS)
    return { acks: 'all', timeoutMs, transactionalId: this.#transactionalId, batches } as const
  }
}

function ofCoordinator<T>(client: ClusterClient, transactionalId: string, doing: string, call: Call<T>): Promise<T> {
  return client.toCoordinator('transaction', transactionalId, (to) => patiently(client, doing, () => call(to)), {
    doing,
    timeoutMs: STEP_TIMEOUT_MS,
  })
}

/** Asks again soon while the transaction before is not finished. */
async function patiently<T>({ options, stopping }: ClusterClient, doing: string, call: () => Promise<T>): Promise<T> {
  const { clock } = options
  const deadline = clock.monotonic() + UNFINISHED_WAIT_MS
  for (let stepMs = 1; ; stepMs = Math.min(stepMs * 2, UNFINISHED_STEP_MAX_MS)) {
    try {
      return await call()
    } catch (error) {
      const codes = answeredErrors(error).map(({ kafkaCode }) => kafkaCode)
      if (codes.some((code) => fencing.has(code))) throw fencedError(doing)
      const isUnfinished = codes.includes(CONCURRENT_TRANSACTIONS) && clock.monotonic() < deadline
      if (!isUnfinished || stopping.aborted) throw attempted(error)
      await pause(stepMs, clock, stopping)
    }
  }
}

/** Without what is said of partitions that are well. */
function attempted(error: unknown): unknown {
  const all = answeredErrors(error)
  const own = all.filter(({ kafkaCode }) => kafkaCode !== OPERATION_NOT_ATTEMPTED)
  if (own.length === 0 || own.length === all.length) return error
  const errors = own.map(({ path, kafkaCode, message }) => [
    path,
    [kafkaCode, message] satisfies [number, string | null],
  ])
  return new ResponseError(PRODUCE.name, PRODUCE.version, Object.fromEntries(errors), {})
}

/** As the library rejects an answer with an error in it, so that it is tried again by the same rules. */
function answered([answer]: readonly PartitionAnswer[]): PartitionAnswer {
  if (answer === undefined) throw new BrokerError('UNKNOWN_SERVER_ERROR', 'The broker answered for no partition.')
  if (answer.kafkaCode === 0) return answer
  const [record] = refusedRecords(answer)
  const said = record === undefined ? answer.message : `record ${record.position} for it: ${record.detail}`
  throw new ResponseError(PRODUCE.name, PRODUCE.version, { '/': [answer.kafkaCode, said] }, answer)
}

function gone(topic: string): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `The cluster has no topic "${topic}".`, { stored: 'no' })
}

import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { AppendPart } from '../../../src/broker/append-request.ts'
import type { OffsetAnswer, OffsetQuery } from '../../../src/broker/engine.ts'
import type { NewTopic, TopicSummary } from '../../../src/broker/topic-store.ts'
import { setTransaction } from '../../../src/codec/record-batch.ts'
import type { LedgerLog } from '../../../src/kafka/claims/ledger-log.ts'
import type { ClaimedTopics } from '../../../src/kafka/claims/kafka-producers.ts'
import { fencedError } from '../../../src/kafka/claims/request-errors.ts'
import type {
  TransactedPart,
  TransactedTopic,
  Transactions,
  TransactionSession,
} from '../../../src/kafka/claims/transactions.ts'
import { ModelLog } from './model-log.ts'

export type Step = 'open' | 'begin' | 'produce' | 'end'
/** The answer of a step is lost: before it was carried out, or after. */
export type Loss = 'before' | 'after' | undefined
export type Fault = (step: Step, gateway: string) => Loss | Promise<Loss>

interface Coordinated {
  readonly id: bigint
  epoch: number
  readonly open: Set<ModelLog>
}

interface ModelTopic {
  readonly summary: TopicSummary
  readonly logs: readonly ModelLog[]
}

/** Topics and transactional ids of a cluster, without its nodes. */
export class ModelCluster implements ClaimedTopics {
  fault: Fault = () => undefined
  opened = 0
  /** Told with each batch: ≥ 0 where the brokers give records their time, and of a batch that was there already. */
  answeredTime = -1
  readonly #ids = new Map<string, Coordinated>()
  readonly #topics = new Map<string, ModelTopic>()
  #made = 0

  find(name: string): TopicSummary | undefined {
    return this.#topics.get(name)?.summary
  }

  async refresh(): Promise<void> {}

  async create({ name, partitionCount, configs }: NewTopic): Promise<TopicSummary> {
    if (this.#topics.has(name)) throw new BrokerError('TOPIC_ALREADY_EXISTS', 'it exists')
    const summary = { name, topicId: `${name}-${++this.#made}`, partitionCount, internal: false, configs }
    this.#topics.set(name, { summary, logs: Array.from({ length: partitionCount }, () => new ModelLog()) })
    return summary
  }

  async alterConfigs(name: string, changes: ReadonlyMap<string, string | null>): Promise<void> {
    const found = this.#topics.get(name)
    if (found === undefined) throw new Error(`no topic ${name}`)
    const configs = new Map(found.summary.configs)
    for (const [config, value] of changes) if (value !== null) configs.set(config, value)
    this.#topics.set(name, { ...found, summary: { ...found.summary, configs } })
  }

  delete(name: string): void {
    this.#topics.delete(name)
  }

  log(topic: string, partition: number): ModelLog {
    const log = this.#topics.get(topic)?.logs[partition]
    if (log === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `no ${topic}-${partition}`)
    return log
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]> {
    return queries.map(({ topic, partition }) => {
      return { topic, partition, offset: this.log(topic, partition).stableEnd, timestamp: -1 }
    })
  }

  ledgerLog(topic: string): LedgerLog {
    const log = (partition: number): ModelLog => this.log(topic, partition)
    const topicId = (): string | undefined => this.find(topic)?.topicId
    return {
      get topicId() {
        return topicId()
      },
      end: async (partition) => log(partition).end,
      firstSince: async (partition) => log(partition).start,
      read: async (partition, offset, maxBytes) => log(partition).from(offset, maxBytes),
    }
  }

  transactionsOf(gateway: string): Transactions {
    return {
      open: async (transactionalId) => {
        const id = await this.#step('open', gateway, () => this.#open(transactionalId))
        return this.#session(gateway, transactionalId, id)
      },
      isStill: async (topic, topicId) => this.find(topic)?.topicId === topicId,
    }
  }

  #open(transactionalId: string): { id: bigint; epoch: number } {
    this.opened++
    const known = this.#ids.get(transactionalId)
    if (known === undefined) {
      const made: Coordinated = { id: BigInt(this.#ids.size + 1), epoch: 0, open: new Set() }
      this.#ids.set(transactionalId, made)
      return { id: made.id, epoch: 0 }
    }
    this.#end(known, false)
    known.epoch++
    return { id: known.id, epoch: known.epoch }
  }

  #end(coordinated: Coordinated, isCommit: boolean): void {
    for (const log of coordinated.open) log.mark(coordinated.id, coordinated.epoch, isCommit)
    coordinated.open.clear()
  }

  #session(
    gateway: string,
    transactionalId: string,
    { id, epoch }: { readonly id: bigint; readonly epoch: number },
  ): TransactionSession {
    const coordinated = (doing: string): Coordinated => {
      const found = this.#ids.get(transactionalId)
      if (found?.epoch !== epoch) throw fencedError(doing)
      return found
    }
    const begin = (topics: readonly TransactedTopic[]): void => {
      const { open } = coordinated('to begin')
      for (const { name, partitions } of topics) for (const one of partitions) open.add(this.log(name, one))
    }
    const produce = (topic: string, parts: readonly AppendPart[]): TransactedPart[] =>
      parts.map(({ partition, batches }) => {
        const log = this.log(topic, partition)
        const { open } = coordinated('to produce')
        if (!open.has(log)) throw fencedError('to produce')
        const answers = batches.map(({ bytes }) => {
          setTransaction(bytes, 0, { id, epoch, sequence: 0 })
          const baseOffset = log.append(bytes)
          return { topic, partition, kafkaCode: 0, baseOffset, logAppendTime: this.answeredTime, message: null }
        })
        return { partition, answers }
      })
    return {
      begin: (topics) => this.#step('begin', gateway, () => begin(topics)),
      produce: (topic, parts) => this.#step('produce', gateway, () => produce(topic, parts)),
      end: (isCommit) => this.#step('end', gateway, () => this.#end(coordinated('to end'), isCommit)),
    }
  }

  async #step<T>(step: Step, gateway: string, carryOut: () => T): Promise<T> {
    const loss = await this.fault(step, gateway)
    if (loss === 'before') throw lost()
    const outcome = carryOut()
    if (loss === 'after') throw lost()
    return outcome
  }
}

function lost(): BrokerError {
  return new BrokerError('NETWORK_EXCEPTION', 'The connection broke.')
}

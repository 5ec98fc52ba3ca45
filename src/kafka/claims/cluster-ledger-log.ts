import { listOffsetsV9, ResponseError } from '@platformatic/kafka'
import type { ClusterClient, LeaderCall } from '../cluster-client.ts'
import { fetchFrom } from '../fetch/fetch-call.ts'
import { FETCH_KEY, FETCH_VERSION } from '../fetch/fetch-request.ts'
import type { FetchedPartition, FetchResponse } from '../fetch/fetch-response.ts'
import type { LedgerLog } from './ledger-log.ts'
import { ledgerUnread } from './request-errors.ts'

const CONSUMER = -1
const READ_UNCOMMITTED = 0
const LATEST = -1n
const PATIENCE_MS = 5000
const OFFSET_OUT_OF_RANGE = 1
const UNKNOWN_TOPIC_ID = 100
const noSession = { sessionId: 0, sessionEpoch: -1, forgotten: [] }

/** See `LedgerLog`: of a topic of a cluster. */
export class ClusterLedgerLog implements LedgerLog {
  readonly #client: ClusterClient
  readonly #topic: string

  constructor(client: ClusterClient, topic: string) {
    this.#client = client
    this.#topic = topic
  }

  get topicId(): string | undefined {
    return this.#client.metadata.topics.get(this.#topic)?.uuid
  }

  async end(partition: number): Promise<number> {
    // A leader that is new to it answers this only when it knows the end for sure; a fetch it would answer with less.
    const offset = await this.#listOffset(partition, LATEST)
    if (offset === undefined) throw ledgerUnread(this.#topic)
    return offset
  }

  firstSince(partition: number, timestampMs: number): Promise<number | undefined> {
    return this.#listOffset(partition, BigInt(Math.max(0, timestampMs)))
  }

  read(partition: number, offset: number, maxBytes: number): Promise<Buffer | undefined> {
    const uuid = this.topicId
    if (uuid === undefined) return Promise.reject(ledgerUnread(this.#topic))
    return this.#toLeader(partition, async (to) => {
      // Offsets of another topic of that name mean nothing.
      if (this.topicId !== uuid) throw ledgerUnread(this.#topic)
      const positions = [{ uuid, partition, offset, maxBytes }]
      const answer = await fetchFrom(to, { ...noSession, maxWaitMs: 0, maxBytes, isolation: 'uncommitted', positions })
      return recordsOf(answer, answer.partitions[0])
    })
  }

  async #listOffset(partition: number, timestamp: bigint): Promise<number | undefined> {
    const asked = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }]
    const topics = [{ name: this.#topic, partitions: asked }]
    const { topics: answered } = await this.#toLeader(partition, (to) =>
      listOffsetsV9.api.async(to, CONSUMER, READ_UNCOMMITTED, topics),
    )
    const offset = Number(answered[0]?.partitions[0]?.offset ?? -1n)
    return offset < 0 ? undefined : offset
  }

  #toLeader<T>(partition: number, call: LeaderCall<T>): Promise<T> {
    const doing = `to read ${this.#topic}-${partition}`
    return this.#client.toLeader(this.#topic, partition, call, { doing, timeoutMs: PATIENCE_MS })
  }
}

function recordsOf({ errorCode }: FetchResponse, partition: FetchedPartition | undefined): Buffer | undefined {
  const kafkaCode = errorCode === 0 ? (partition?.errorCode ?? UNKNOWN_TOPIC_ID) : errorCode
  if (kafkaCode === OFFSET_OUT_OF_RANGE) return undefined
  if (kafkaCode === 0 && partition !== undefined) return partition.records
  // As the library rejects an answer with an error in it, so that it is tried again by the same rules.
  throw new ResponseError(FETCH_KEY, FETCH_VERSION, { '/': [kafkaCode, null] }, {})
}

import type { FetchMemory } from './fetch-memory.ts'
import { partitionKeyOf, type FetchPosition, type FetchRequest } from './fetch-request.ts'
import type { FetchedPartition, FetchResponse } from './fetch-response.ts'
import { readableBatches, type ReadableBatches } from './readable-batches.ts'
import { isConnectionFailure, refusal } from '../kafka-errors.ts'

/** Sent before the first is answered: one on its way each way, and one in the broker's hands. */
const IN_FLIGHT_MAX = 4
/** Of one answer, whatever the reader would take. */
export const ANSWER_MAX_BYTES = 8 * 1024 * 1024

/** One partition of a broker's answer, in the terms of the port. */
export interface PartitionAnswer {
  readonly kafkaCode: number
  readonly batches: ReadableBatches
  /** −1 = unknown. */
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

interface Question {
  readonly positions: readonly FetchPosition[]
  readonly maxBytes: number
  readonly answer: PromiseWithResolvers<ReadonlyMap<string, PartitionAnswer>>
}

/**
 * Reads from one node that do not wait for records. Few are on their way at a time; equal ones that are not sent yet are
 * asked once. Not so one that was sent: what was acknowledged since may be missing in its answer.
 */
export class NodeReads {
  readonly #fetch: (request: FetchRequest) => Promise<FetchResponse>
  readonly #memory: FetchMemory
  readonly #queue = new Map<string, Question>()
  #inFlight = 0

  constructor(fetch: (request: FetchRequest) => Promise<FetchResponse>, memory: FetchMemory) {
    this.#fetch = fetch
    this.#memory = memory
  }

  /**
   * By partition key.
   * @param positions each partition once
   */
  read(positions: readonly FetchPosition[], maxBytes: number): Promise<ReadonlyMap<string, PartitionAnswer>> {
    const key = `${maxBytes} ${positions.map((position) => `${partitionKeyOf(position)}@${position.offset}`).join()}`
    const same = this.#queue.get(key)
    if (same !== undefined) return same.answer.promise
    const question = { positions, maxBytes, answer: Promise.withResolvers<ReadonlyMap<string, PartitionAnswer>>() }
    this.#queue.set(key, question)
    this.#sendNext()
    return question.answer.promise
  }

  #sendNext(): void {
    for (const [key, question] of this.#queue) {
      if (this.#inFlight >= IN_FLIGHT_MAX) return
      this.#queue.delete(key)
      this.#inFlight++
      void this.#send(question).finally(() => {
        this.#inFlight--
        this.#sendNext()
      })
    }
  }

  async #send({ positions, maxBytes, answer }: Question): Promise<void> {
    try {
      const limit = Math.min(maxBytes, ANSWER_MAX_BYTES)
      const request = { maxWaitMs: 0, maxBytes: limit, sessionId: 0, sessionEpoch: -1, positions, forgotten: [] }
      const response = await this.#memory.hold(limit, () => this.#fetch(request))
      answer.resolve(answersOf(response, positions))
    } catch (error) {
      answer.reject(error)
      if (isConnectionFailure(error)) this.#rejectQueued(error)
    }
  }

  /** Who waits behind a node that hangs would wait its time out once more for each turn: all look for the leader anew. */
  #rejectQueued(error: unknown): void {
    const queued = [...this.#queue.values()]
    this.#queue.clear()
    for (const { answer } of queued) answer.reject(error)
  }
}

function answersOf(response: FetchResponse, positions: readonly FetchPosition[]): ReadonlyMap<string, PartitionAnswer> {
  if (response.errorCode !== 0) throw refusal(response.errorCode, 'to read records')
  const offsets = new Map(positions.map((position) => [partitionKeyOf(position), position.offset]))
  return new Map(
    response.partitions.map((fetched) => {
      const key = partitionKeyOf(fetched)
      return [key, partitionAnswer(fetched, offsets.get(key) ?? 0)]
    }),
  )
}

/** @param fromOffset that was asked for */
export function partitionAnswer(fetched: FetchedPartition, fromOffset: number): PartitionAnswer {
  const { errorCode: kafkaCode, lastStableOffset, logStartOffset, records, aborted } = fetched
  return { kafkaCode, batches: readableBatches(records, fromOffset, aborted), lastStableOffset, logStartOffset }
}

import { BrokerError } from '../broker/broker-error.ts'
import type { Clock } from '../broker/clock.ts'
import type { PartitionRead, ReadPosition, ReadRequest, ReadResult } from '../broker/engine.ts'
import type { ServedPartition } from './live-topic.ts'
import { ReadTurns } from './read-turns.ts'
import type { ReadWaiter } from './read-waiter.ts'
import { servedPartition } from './served-partition.ts'
import type { TopicTable } from './topic-table.ts'

/** Read in one turn of the event loop: a few of the largest batches. */
const TURN_MAX_BYTES = 4 * 1024 * 1024
/** Reads of at most so much have turns of their own: they do not wait behind large ones. */
const SMALL_READ_BYTES = 256 * 1024

/** Reads positions one behind the other within one budget of bytes, and waits where there is nothing yet. */
export class PartitionFetch {
  readonly #table: TopicTable
  readonly #waiter: ReadWaiter
  readonly #clock: Clock
  readonly #smallTurns = new ReadTurns(TURN_MAX_BYTES)
  readonly #largeTurns = new ReadTurns(TURN_MAX_BYTES)

  constructor(table: TopicTable, waiter: ReadWaiter, clock: Clock) {
    this.#table = table
    this.#waiter = waiter
    this.#clock = clock
  }

  /** See `Engine.read`. */
  async read(request: ReadRequest): Promise<ReadResult> {
    const deadline = this.#clock.monotonic() + request.waitMs
    const turns = request.maxBytes <= SMALL_READ_BYTES ? this.#smallTurns : this.#largeTurns
    let readAgain = false
    for (;;) {
      const turn = turns.begin(request.maxBytes)
      if (turn !== undefined) await turn
      const result = await this.#readOnce(request, turns)
      if (result.partitions.some(isAnswer)) return result
      const waitMs = deadline - this.#clock.monotonic()
      if (waitMs <= 0 || request.signal?.aborted || this.#waiter.closed) return result
      // Nothing was awaited since the look at the high watermarks below: no advance is missed in between.
      const idle = this.#idlePartitions(request.positions)
      if (idle) await this.#waiter.wait(idle, waitMs, request.signal)
      // What came during the read is there at the next one; nothing that can be read twice in a row is an answer too.
      else if (readAgain) return result
      readAgain = idle === undefined
    }
  }

  async #readOnce({ positions, maxBytes }: ReadRequest, turns: ReadTurns): Promise<ReadResult> {
    const partitions: PartitionRead[] = []
    let budget = maxBytes
    for (const position of positions) {
      const read = await this.#readPosition(position, budget)
      for (const batch of read.batches) budget -= batch.length
      partitions.push(read)
    }
    turns.giveBack(Math.max(0, budget))
    return { partitions }
  }

  async #readPosition(position: ReadPosition, budget: number): Promise<PartitionRead> {
    const { topic, partition, offset } = position
    let served: ServedPartition | undefined
    try {
      served = servedPartition(this.#table, position)
      const { log } = served
      const facts = { topic, topicId: log.topicId, partition }
      checkRange(position, served)
      const highWatermark = log.highWatermark
      if (offset >= highWatermark || budget <= 0) {
        return { ...facts, batches: [], highWatermark, logStartOffset: log.logStartOffset }
      }
      const page = await served.host.reader.read(log, offset, budget)
      const { highWatermark: end, logStartOffset } = log
      return { ...facts, batches: page.batches, release: () => page.release(), highWatermark: end, logStartOffset }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      return failedRead(position, served, error)
    }
  }

  /** The logs to wait for; undefined if one of them has more by now, or cannot be waited for. */
  #idlePartitions(positions: readonly ReadPosition[]): ServedPartition['log'][] | undefined {
    const logs: ServedPartition['log'][] = []
    for (const { topic: name, topicId, partition, offset } of positions) {
      const topic = this.#table.get(name)
      const slot = topic?.slots[partition]
      if (!slot?.host || (topicId !== undefined && topic?.topicId !== topicId)) return undefined
      if (slot.log.highWatermark > offset || slot.log.offlineReason !== undefined) return undefined
      logs.push(slot.log)
    }
    return logs
  }
}

/** Ends the wait: records, or an error. */
function isAnswer(read: PartitionRead): boolean {
  return read.batches.length > 0 || read.error !== undefined
}

/** 410 below the log start, 416 beyond the log end. Between high watermark and log end there is nothing to read yet. */
function checkRange({ topic, partition, offset }: ReadPosition, { log }: ServedPartition): void {
  const { logStartOffset, highWatermark } = log
  if (offset >= logStartOffset && offset <= Math.max(highWatermark, log.logEndOffset)) return
  const below = offset < logStartOffset
  throw new BrokerError(
    'OFFSET_OUT_OF_RANGE',
    below
      ? `Offset ${offset} of partition ${partition} of '${topic}' is gone: the first is ${logStartOffset}.`
      : `Offset ${offset} of partition ${partition} of '${topic}' is beyond the end: the next to be written is ` +
          `${highWatermark}.`,
    { status: below ? 410 : 416, facts: { logStartOffset, highWatermark } },
  )
}

function failedRead(position: ReadPosition, served: ServedPartition | undefined, error: BrokerError): PartitionRead {
  const { topic, topicId, partition } = position
  const nextReadableOffset = error.options.facts?.['nextReadableOffset']
  return {
    topic,
    topicId: served?.log.topicId ?? topicId ?? '',
    partition,
    batches: [],
    highWatermark: served?.log.highWatermark ?? -1,
    logStartOffset: served?.log.logStartOffset ?? -1,
    error,
    ...(typeof nextReadableOffset === 'number' && { nextReadableOffset }),
  }
}

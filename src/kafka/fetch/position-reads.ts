import { BrokerError } from '../../broker/broker-error.ts'
import type { PartitionRead, ReadPosition, ReadRequest } from '../../broker/engine.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { withinMs } from '../time-limits.ts'
import { fetchFrom } from './fetch-call.ts'
import { FetchMemory } from './fetch-memory.ts'
import { partitionKeyOf } from './fetch-request.ts'
import { askLeaders, locate, type Located, type Outcome } from './leader-questions.ts'
import { listOffsets } from './list-offsets.ts'
import { NodeReads, type PartitionAnswer } from './node-reads.ts'
import { firstBytes } from './readable-batches.ts'

/** How long a leader that moved or does not answer is looked for; by reads that wait anyway, longer. */
const PATIENCE_MS = 3000
const WAITING_PATIENCE_MAX_MS = 15_000
/** A node that takes longer with what it need not wait for hangs. */
const ANSWER_TIMEOUT_MS = 10_000
/** The same while no node answers at all. */
const UNREACHABLE_ANSWER_TIMEOUT_MS = 1000
const OFFSET_OUT_OF_RANGE = 1

/** Reads positions as they are now, without waiting for records. */
export class PositionReads {
  readonly #client: ClusterClient
  readonly #memory: FetchMemory
  readonly #nodes = new Map<number, NodeReads>()

  constructor(client: ClusterClient, inflightBytesMax: number) {
    this.#client = client
    this.#memory = new FetchMemory(inflightBytesMax)
  }

  /** Those of one node. Its connection is shared with what is short: none of them waits at the broker. */
  node(nodeId: number): NodeReads {
    const known = this.#nodes.get(nodeId)
    if (known !== undefined) return known
    const made = new NodeReads(async (request) => {
      const connection = await this.#client.connectionTo(nodeId, 'control')
      const answer = this.#client.awaited(nodeId, fetchFrom(connection, request))
      const limitMs = this.#client.reachable ? ANSWER_TIMEOUT_MS : UNREACHABLE_ANSWER_TIMEOUT_MS
      return await withinMs(answer, limitMs, this.#client.options.clock)
    }, this.#memory)
    this.#nodes.set(nodeId, made)
    return made
  }

  /**
   * In the order of the positions.
   * @param isOver true once nobody wants to wait for leaders
   */
  async read({ positions, maxBytes, waitMs }: ReadRequest, isOver: () => boolean): Promise<readonly PartitionRead[]> {
    const answers = await askLeaders<ReadPosition, PartitionRead>(this.#client, positions, {
      ask: (nodeId, located) => this.#readFrom(nodeId, located, maxBytes),
      patienceMs: Math.max(PATIENCE_MS, Math.min(waitMs, WAITING_PATIENCE_MAX_MS)),
      isEnough: ({ batches }) => batches.length > 0,
      isOver,
      doing: 'to read records',
    })
    const reads = this.#withoutGone(
      positions,
      positions.map((position, index) => readOf(position, answers[index])),
    )
    return await Promise.all(withinBytes(reads, maxBytes).map((read, index) => this.#bounded(read, positions[index])))
  }

  /** Of a topic that went while its partitions were asked one after the other, none is there any more. */
  #withoutGone(positions: readonly ReadPosition[], reads: readonly PartitionRead[]): readonly PartitionRead[] {
    if (reads.every(({ error }) => error === undefined)) return reads
    return positions.map((position, index) => {
      const read = readOf(position, reads[index])
      if (read.error !== undefined || read.batches.length > 0) return read
      const located = locate(this.#client, position)
      return located instanceof BrokerError && !located.retriable ? readOf(position, located) : read
    })
  }

  async #readFrom(
    nodeId: number,
    located: readonly Located<ReadPosition>[],
    maxBytes: number,
  ): Promise<readonly Outcome<PartitionRead>[]> {
    const positions = located.map(({ uuid, partition, question }) => {
      return { uuid, partition, offset: question.offset, maxBytes }
    })
    const answers = await this.node(nodeId).read(positions, maxBytes)
    this.#client.answered()
    return located.map((entry): Outcome<PartitionRead> => {
      const answer = answers.get(partitionKeyOf(entry))
      if (answer === undefined) return { kafkaCode: -1 }
      if (answer.kafkaCode === OFFSET_OUT_OF_RANGE) return { answer: outOfRange(entry) }
      return answer.kafkaCode === 0 ? { answer: partitionRead(entry, answer) } : { kafkaCode: answer.kafkaCode }
    })
  }

  /** A broker that says that an offset is out of range does not say of which. */
  async #bounded(read: PartitionRead, position: ReadPosition | undefined): Promise<PartitionRead> {
    if (read.error?.code !== 'OFFSET_OUT_OF_RANGE' || position === undefined) return read
    const { topic, partition, offset } = position
    const [[start], [end]] = await Promise.all([
      listOffsets(this.#client, [{ topic, partition, at: 'earliest' }]),
      listOffsets(this.#client, [{ topic, partition, at: 'latest' }]),
    ])
    const error = start?.error ?? end?.error
    if (error !== undefined) return { ...read, error }
    const bounds = { logStartOffset: start?.offset ?? 0, highWatermark: end?.offset ?? 0 }
    if (offset >= bounds.logStartOffset && offset <= bounds.highWatermark) {
      return { ...read, ...bounds, error: notYetKnown(topic, partition, offset) }
    }
    return { ...read, ...bounds, error: outOfBounds(topic, partition, offset, bounds) }
  }
}

/** It was out of range a moment ago, and is not any more: a new leader that did not know its end. */
function notYetKnown(topic: string, partition: number, offset: number): BrokerError {
  return new BrokerError(
    'OFFSET_NOT_AVAILABLE',
    `Offset ${offset} of partition ${partition} of '${topic}' could not be read yet. Send the request again.`,
    { retryAfterSeconds: 1 },
  )
}

/** 410 below the log start, else 416. */
function outOfBounds(
  topic: string,
  partition: number,
  offset: number,
  bounds: { readonly logStartOffset: number; readonly highWatermark: number },
): BrokerError {
  const isBelow = offset < bounds.logStartOffset
  return new BrokerError(
    'OFFSET_OUT_OF_RANGE',
    isBelow
      ? `Offset ${offset} of partition ${partition} of '${topic}' is gone: the first is ${bounds.logStartOffset}.`
      : `Offset ${offset} of partition ${partition} of '${topic}' is beyond the end: the next to be written is ` +
          `${bounds.highWatermark}.`,
    { status: isBelow ? 410 : 416, facts: { ...bounds } },
  )
}

function outOfRange({ topic, partition, question }: Located<ReadPosition>): PartitionRead {
  const bounds = { logStartOffset: -1, highWatermark: -1 }
  const error = outOfBounds(topic.name, partition, question.offset, bounds)
  return { topic: topic.name, topicId: topic.topicId, partition, batches: [], ...bounds, error }
}

function partitionRead({ topic, partition }: Located<ReadPosition>, answer: PartitionAnswer): PartitionRead {
  const { batches, lastStableOffset: highWatermark, logStartOffset } = answer
  const facts = { topic: topic.name, topicId: topic.topicId, partition, highWatermark, logStartOffset }
  const { damaged } = batches
  if (damaged === undefined || batches.buffers.length > 0) return { ...facts, batches: batches.buffers }
  const error = new BrokerError(
    'CORRUPT_MESSAGE',
    `The record batch at offset ${damaged.offset} of ${topic.name}-${partition} is damaged: its CRC is not that of its ` +
      `bytes.`,
  )
  const next = damaged.nextReadable
  return { ...facts, batches: [], error, ...(next !== undefined && { nextReadableOffset: next }) }
}

function readOf(position: ReadPosition, answer: PartitionRead | BrokerError | undefined): PartitionRead {
  if (answer !== undefined && !(answer instanceof BrokerError)) return answer
  const { topic, topicId = '', partition } = position
  const error = answer ?? new BrokerError('UNKNOWN_SERVER_ERROR', `${topic}-${partition} was not read.`)
  return { topic, topicId, partition, batches: [], highWatermark: -1, logStartOffset: -1, error }
}

/** Each leader was asked for all the bytes: those of the positions in front count. */
export function withinBytes(reads: readonly PartitionRead[], maxBytes: number): readonly PartitionRead[] {
  let left = maxBytes
  return reads.map((read) => {
    if (read.batches.length === 0) return read
    const batches = left <= 0 ? [] : firstBytes(read.batches, bytesOf(read.batches), left)
    left -= bytesOf(batches)
    return batches === read.batches ? read : { ...read, batches }
  })
}

function bytesOf(batches: readonly Buffer[]): number {
  return batches.reduce((sum, { length }) => sum + length, 0)
}

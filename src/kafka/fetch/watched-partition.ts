import type { PartitionRead } from '../../broker/engine.ts'
import type { ClusterTopic } from '../cluster-metadata.ts'
import type { PartitionId } from './fetch-request.ts'
import type { PartitionAnswer } from './node-reads.ts'
import { batchesFrom } from './readable-batches.ts'

/** A read that waits at one of its positions. */
export interface PositionWaiter {
  readonly offset: number
  /** There are records: they end the wait. */
  deliver(read: PartitionRead): void
  /** There is something to be read, or trouble: look again. */
  readAgain(): void
}

/** Answers with records that nobody waited for before a partition is left alone. */
const UNREAD_MAX = 2

/** A partition whose leader is asked for what comes, while reads wait for it and a little longer. */
export class WatchedPartition implements PartitionId {
  readonly topic: ClusterTopic
  readonly partition: number
  readonly waiters = new Set<PositionWaiter>()
  /** Where the watch reads on. */
  offset: number
  /** What the broker's session has as that; −1 = the partition is not in the session. */
  askedOffset = -1
  /** When the last waiter went, in the clock's monotonic milliseconds. */
  idleSince = 0
  /** The last stable offset: below it there is something. */
  #stableOffset: number
  #logStartOffset: number
  #unread = 0

  constructor(topic: ClusterTopic, partition: number, offset: number, bounds: PartitionRead) {
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.#stableOffset = bounds.highWatermark
    this.#logStartOffset = bounds.logStartOffset
  }

  get uuid(): string {
    return this.topic.uuid
  }

  /** Nobody wants what comes there. */
  get isUnwanted(): boolean {
    return this.waiters.size === 0 && this.#unread >= UNREAD_MAX
  }

  /** Nothing is there at the offset, as far as is known. */
  isIdleAt(offset: number): boolean {
    return offset >= this.#stableOffset
  }

  /** Without records. */
  get emptyRead(): PartitionRead {
    return this.#read([])
  }

  /** Only where it is idle at the waiter's offset. */
  add(waiter: PositionWaiter): void {
    this.waiters.add(waiter)
    this.offset = Math.min(this.offset, waiter.offset)
    this.#unread = 0
  }

  /** @param fromOffset that was asked for */
  take({ batches, lastStableOffset, logStartOffset }: PartitionAnswer, fromOffset: number): void {
    if (lastStableOffset >= 0) this.#stableOffset = lastStableOffset
    if (logStartOffset >= 0) this.#logStartOffset = logStartOffset
    this.offset = Math.max(this.offset, batches.nextOffset)
    if (batches.buffers.length > 0 && this.waiters.size === 0) {
      this.#unread++
      this.offset = Math.max(this.offset, this.#stableOffset)
    }
    for (const waiter of this.waiters) {
      const { offset } = waiter
      const isThere = batches.buffers.length > 0 && fromOffset <= offset && offset < batches.nextOffset
      if (isThere) waiter.deliver(this.#read(batchesFrom(batches.buffers, offset)))
      else if (offset < this.#stableOffset) waiter.readAgain()
    }
  }

  /** All waiters are to look for themselves. */
  abandon(): void {
    for (const waiter of this.waiters) waiter.readAgain()
    this.waiters.clear()
  }

  #read(batches: readonly Buffer[]): PartitionRead {
    return {
      topic: this.topic.name,
      topicId: this.topic.topicId,
      partition: this.partition,
      batches,
      highWatermark: this.#stableOffset,
      logStartOffset: this.#logStartOffset,
    }
  }
}

import type { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { PartitionRead } from '../../broker/engine.ts'
import type { Logger } from '../../broker/logger.ts'
import type { TopicSummary } from '../../broker/topic-store.ts'
import { batchSizeBytes } from '../../codec/record-batch.ts'
import type { OffsetsLog } from './group-coordinator-options.ts'
import type { GroupReplays } from './group-replays.ts'
import { OffsetRecords } from './offset-records.ts'
import type { OffsetTable } from './offset-table.ts'
import { WorkTurns } from './work-turns.ts'

const READ_BYTES = 1024 * 1024
/** Partitions loaded at the same time: while one waits for the disk, another is played. */
const CONCURRENT_PARTITIONS = 8

export interface OffsetsLoaderOptions {
  readonly log: OffsetsLog
  readonly table: OffsetTable
  readonly replays: GroupReplays
  readonly clock: Clock
  readonly logger: Logger
}

export interface LoadReport {
  /** Partitions that could not be read to their end: nothing is known for sure of the groups they hold. */
  readonly unavailable: ReadonlySet<number>
  /** Ranges passed over because of damage, and what else fitted no layout known. */
  readonly damage: readonly string[]
  /** How many records were ever written: the end offsets of all partitions together. */
  readonly recordCount: number
}

/** Reads all of `__consumer_offsets`, once for offsets and members, in short turns of the event loop. */
export class OffsetsLoader {
  readonly #log: OffsetsLog
  readonly #turns: WorkTurns
  readonly #logger: Logger
  readonly #records: OffsetRecords
  readonly #unavailable = new Set<number>()
  readonly #damage: string[] = []
  #recordCount = 0
  #stopped = false

  constructor(options: OffsetsLoaderOptions) {
    this.#log = options.log
    this.#turns = new WorkTurns(options.clock)
    this.#logger = options.logger
    this.#records = new OffsetRecords(options.table, options.replays)
  }

  async load(topic: TopicSummary): Promise<LoadReport> {
    const partitions = Array.from({ length: topic.partitionCount }, (_, partition) => partition).values()
    const work = async (): Promise<void> => {
      for (const partition of partitions) {
        const endOffset = await this.#loadPartition(topic.name, partition)
        this.#recordCount += endOffset
      }
    }
    await Promise.all(Array.from({ length: CONCURRENT_PARTITIONS }, work))
    const { unreadable } = this.#records
    if (unreadable > 0) this.#damage.push(`${unreadable} records of ${topic.name} fit no layout known; passed over`)
    return { unavailable: this.#unavailable, damage: this.#damage, recordCount: this.#recordCount }
  }

  /** What is not loaded yet stays unloaded; `load` resolves soon. */
  stop(): void {
    this.#stopped = true
  }

  /** Gives the offset that it got to. */
  async #loadPartition(topic: string, partition: number): Promise<number> {
    let offset = 0
    while (!this.#stopped) {
      const read = await this.#read(topic, partition, offset)
      if (read.error !== undefined) {
        const next = this.#offsetBehind(read, read.error, offset)
        if (next === undefined) return offset
        offset = next
        continue
      }
      for (const batches of read.batches) {
        // One buffer holds one batch or several, one behind the other.
        for (let at = 0; at < batches.length && !this.#stopped; at += batchSizeBytes(batches, at)) {
          offset = this.#records.play(batches, at, offset)
          while (this.#turns.isOver) await this.#turns.next()
        }
      }
      if (read.batches.length === 0 || offset >= read.highWatermark) return offset
    }
    return offset
  }

  async #read(topic: string, partition: number, offset: number): Promise<PartitionRead> {
    const { partitions } = await this.#log.read({
      positions: [{ topic, partition, offset }],
      maxBytes: READ_BYTES,
      waitMs: 0,
    })
    const [read] = partitions
    if (read === undefined) throw new Error(`no answer for ${topic}-${partition}`)
    return read
  }

  /** Where to go on after an error; undefined where this partition cannot be read any further. */
  #offsetBehind(read: PartitionRead, error: BrokerError, offset: number): number | undefined {
    const { topic, partition, logStartOffset, nextReadableOffset } = read
    if (error.code === 'OFFSET_OUT_OF_RANGE' && offset < logStartOffset) return logStartOffset
    if (nextReadableOffset !== undefined && nextReadableOffset > offset) {
      this.#damage.push(`${topic}-${partition} is damaged from offset ${offset} to ${nextReadableOffset - 1}`)
      this.#logger.error(
        { topic, partition, fromOffset: offset, toOffset: nextReadableOffset, err: error },
        'committed offsets lie in a damaged range: groups may start again from older ones',
      )
      return nextReadableOffset
    }
    this.#unavailable.add(partition)
    this.#logger.error({ topic, partition, offset, err: error }, 'committed offsets cannot be read')
    return undefined
  }
}

import { murmur2 } from '../codec/murmur2.ts'

/** The producer's `batch.size`, after which KIP-794 moves on to another partition. */
const STICKY_BYTES = 16_384

/**
 * The partition of a key, the span `bytes[start, end)`: what Kafka's clients choose (BuiltInPartitioner), so that a
 * key's records stay together whoever publishes them. An empty key is a key.
 *
 * @param partitionCount all of the topic's, whether available or not
 */
export function partitionForKey(bytes: Uint8Array, start: number, end: number, partitionCount: number): number {
  return (murmur2(bytes, start, end) & 0x7fff_ffff) % partitionCount
}

interface Stay {
  readonly partition: number
  bytes: number
}

/**
 * Where records without a key go: one partition of a topic until 16 KiB were produced to it, then another, drawn
 * uniformly from all (KIP-794). Few large batches instead of many small ones, and the partitions fill evenly.
 */
export class StickyPartitioner {
  readonly #random: () => number
  readonly #stays = new Map<string, Stay>()

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
  }

  /** The partition for the topic's next keyless records. */
  partitionFor(topic: string, partitionCount: number): number {
    const stay = this.#stays.get(topic)
    // A topic deleted and made again may have fewer.
    if (stay !== undefined && stay.partition < partitionCount) return stay.partition
    const partition = Math.floor(this.#random() * partitionCount)
    this.#stays.set(topic, { partition, bytes: 0 })
    return partition
  }

  /** Counts what was produced to the partition that partitionFor gave. */
  produced(topic: string, bytes: number): void {
    const stay = this.#stays.get(topic)
    if (stay === undefined) return
    stay.bytes += bytes
    if (stay.bytes >= STICKY_BYTES) this.#stays.delete(topic)
  }

  /** The next call draws again: the partition failed, or the topic is gone. */
  leave(topic: string): void {
    this.#stays.delete(topic)
  }
}

import { murmur2 } from '../../codec/murmur2.ts'
import { batchSizeBytes, lastOffset } from '../../codec/record-batch.ts'
import { readRecords } from '../../codec/record-reader.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import type { FetchPart } from '../engine-parts.ts'
import { readLedgerEntry, type LedgerEntry } from './ledger-entry.ts'

/** Compacted; written in the same transactions as the records that it tells of. */
export const LEDGER_TOPIC = '__posthorn_requests'
export const LEDGER_PARTITIONS = 16

const READ_BYTES = 1024 * 1024
const READ_WAIT_MS = 1000

interface HeldEntry {
  readonly offset: number
  readonly value: Buffer
}

interface LedgerPartition {
  position: number
  readonly entries: Map<string, HeldEntry>
  reading: Promise<void> | undefined
}

/**
 * What is known of requests: the newest record of each producer and key, read from the ledger's partitions on first use and
 * on from there when asked. A partition holds all that fell into it, so that what is not there was never stored.
 */
export class RequestLedger {
  readonly #fetch: Pick<FetchPart, 'read' | 'listOffsets'>
  readonly #partitions = new Map<number, LedgerPartition>()

  constructor(fetch: Pick<FetchPart, 'read' | 'listOffsets'>) {
    this.#fetch = fetch
  }

  partitionOf(name: string): number {
    const bytes = Buffer.from(name)
    return (murmur2(bytes, 0, bytes.length) & 0x7fff_ffff) % LEDGER_PARTITIONS
  }

  /** As far as it was read. */
  find(name: string): LedgerEntry | undefined {
    const held = this.#partition(this.partitionOf(name)).entries.get(name)
    return held && readLedgerEntry(held.value)
  }

  /** Told by the one who wrote it. */
  put(name: string, offset: number, value: Buffer): void {
    remember(this.#partition(this.partitionOf(name)), name, { offset, value })
  }

  /** Knows afterwards of all that was committed before this was called. */
  async catchUp(name: string): Promise<void> {
    const number = this.partitionOf(name)
    const partition = this.#partition(number)
    // One that is under way may have asked for the end too early.
    await partition.reading?.catch(() => {})
    partition.reading ??= this.#readToEnd(number, partition).finally(() => (partition.reading = undefined))
    return partition.reading
  }

  #partition(number: number): LedgerPartition {
    let partition = this.#partitions.get(number)
    if (partition === undefined) {
      partition = { position: 0, entries: new Map(), reading: undefined }
      this.#partitions.set(number, partition)
    }
    return partition
  }

  async #readToEnd(number: number, partition: LedgerPartition): Promise<void> {
    const [end] = await this.#fetch.listOffsets([{ topic: LEDGER_TOPIC, partition: number, at: 'latest' }])
    if (end?.error !== undefined) throw end.error
    while (partition.position < (end?.offset ?? 0)) await this.#readOn(number, partition)
  }

  async #readOn(number: number, partition: LedgerPartition): Promise<void> {
    const position = { topic: LEDGER_TOPIC, partition: number, offset: partition.position }
    const { partitions } = await this.#fetch.read({ positions: [position], maxBytes: READ_BYTES, waitMs: READ_WAIT_MS })
    const [read] = partitions
    if (read?.error?.code === 'OFFSET_OUT_OF_RANGE' && read.logStartOffset > partition.position) {
      partition.position = read.logStartOffset
      return
    }
    if (read?.error !== undefined) throw read.error
    const before = partition.position
    for (const buffer of read?.batches ?? []) takeIn(partition, buffer)
    if (partition.position === before) throw silent()
  }
}

function takeIn(partition: LedgerPartition, buffer: Buffer): void {
  for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) {
    readRecords(buffer, at, {
      record: (offset, _timestamp, keyStart, keyEnd, valueStart, valueEnd) => {
        if (keyStart < 0 || valueStart < 0) return true
        const value = Buffer.from(buffer.subarray(valueStart, valueEnd))
        remember(partition, buffer.toString('utf8', keyStart, keyEnd), { offset, value })
        return true
      },
    })
    partition.position = Math.max(partition.position, lastOffset(buffer, at) + 1)
  }
}

function remember({ entries }: LedgerPartition, name: string, entry: HeldEntry): void {
  if ((entries.get(name)?.offset ?? -1) < entry.offset) entries.set(name, entry)
}

function silent(): BrokerError {
  return new BrokerError(
    'REQUEST_TIMED_OUT',
    `What is known of earlier requests could not be read from ${LEDGER_TOPIC} in time. Send the request again.`,
    { stored: 'no', retryAfterSeconds: 1 },
  )
}

import {
  BATCH_HEADER_BYTES,
  BATCH_OVERHEAD_BYTES,
  assignOffsets,
  baseOffset,
  batchSizeBytes,
  checkBatch,
  hasProducerId,
  isControl,
  isTransactional,
  lastOffset,
  maxTimestamp,
  partitionLeaderEpoch,
  producerId,
  writeEmptyBatch,
} from '../../codec/record-batch.ts'
import { VarintReader } from '../../codec/varint.ts'

/** A producer whose batches from an offset on, up to its next marker, are not to be read. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

export interface ReadableBatches {
  /** Each holds whole batches; views of what was given, or batches without records that stand for what is passed over. */
  readonly buffers: readonly Buffer[]
  readonly sizeBytes: number
  /** Behind the last of them; where there is none, where it was begun. */
  readonly nextOffset: number
  /** Where a batch is damaged: the reads end before it. `nextReadable` is behind it where that can be told. */
  readonly damaged?: { readonly offset: number; readonly nextReadable?: number }
}

/**
 * Of what a broker answered, what a reader of committed records may see: whole batches, their CRC checked. In the place of
 * markers and of aborted transactions' batches stand batches without records, so that readers come to pass over them.
 */
export function readableBatches(
  records: Buffer,
  fromOffset: number,
  aborted: readonly AbortedTransaction[],
): ReadableBatches {
  return new CommittedRecords(records, fromOffset, aborted).read()
}

class CommittedRecords {
  readonly #records: Buffer
  readonly #aborted: readonly AbortedTransaction[]
  readonly #abortedIds = new Set<bigint>()
  readonly #buffers: Buffer[] = []
  #abortedNext = 0
  #nextOffset: number
  /** From here on batches are kept as they are, in one view. */
  #keptFrom = 0
  #gap: { first: number; last: number; timestamp: number; epoch: number } | undefined

  constructor(records: Buffer, fromOffset: number, aborted: readonly AbortedTransaction[]) {
    this.#records = records
    // A broker tells them in the order in which they ended (Kafka's consumer sorts them, too).
    this.#aborted = aborted.toSorted((one, other) => one.firstOffset - other.firstOffset)
    this.#nextOffset = fromOffset
  }

  read(): ReadableBatches {
    const records = this.#records
    let at = 0
    let damaged: ReadableBatches['damaged']
    while (at < records.length) {
      const check = checkBatch(records, at, records.length)
      if (check === 'corrupt') damaged = damageAt(records, at, this.#nextOffset)
      if (check !== 'valid') break
      const end = at + batchSizeBytes(records, at)
      this.#take(at, end)
      at = end
    }
    this.#keep(at)
    this.#endGap()
    const sizeBytes = this.#buffers.reduce((sum, { length }) => sum + length, 0)
    return { buffers: this.#buffers, sizeBytes, nextOffset: this.#nextOffset, ...(damaged && { damaged }) }
  }

  #take(at: number, end: number): void {
    const records = this.#records
    const last = lastOffset(records, at)
    // Asked for an offset within a batch, the broker begins with that batch, and never before.
    const isBefore = last < this.#nextOffset
    if (!isBefore && !this.#isPassedOver(at, last)) {
      this.#nextOffset = last + 1
      this.#endGap()
      return
    }
    this.#keep(at)
    this.#keptFrom = end
    if (isBefore) return
    this.#nextOffset = last + 1
    const first = baseOffset(records, at)
    const facts = { timestamp: maxTimestamp(records, at), epoch: partitionLeaderEpoch(records, at) }
    if (this.#gap !== undefined && last - this.#gap.first > 0x7fff_ffff) this.#endGap()
    this.#gap = { first: this.#gap?.first ?? first, last, ...facts }
  }

  #isPassedOver(at: number, last: number): boolean {
    const records = this.#records
    if (hasProducerId(records, at)) this.#abortUpTo(last)
    if (isControl(records, at)) {
      if (isAbortMarker(records, at)) this.#abortedIds.delete(producerId(records, at))
      return true
    }
    return this.#abortedIds.size > 0 && isTransactional(records, at) && this.#abortedIds.has(producerId(records, at))
  }

  #abortUpTo(last: number): void {
    for (;;) {
      const next = this.#aborted[this.#abortedNext]
      if (next === undefined || next.firstOffset > last) return
      this.#abortedIds.add(next.producerId)
      this.#abortedNext++
    }
  }

  /** Ends a view before `end`. */
  #keep(end: number): void {
    if (end > this.#keptFrom) this.#buffers.push(this.#records.subarray(this.#keptFrom, end))
    this.#keptFrom = end
  }

  #endGap(): void {
    if (this.#gap === undefined) return
    const { first, last, timestamp, epoch } = this.#gap
    this.#gap = undefined
    const bytes = Buffer.alloc(BATCH_HEADER_BYTES)
    writeEmptyBatch(bytes, 0, last - first, timestamp)
    assignOffsets(bytes, 0, first, epoch)
    this.#buffers.push(bytes)
  }
}

/** Of the marker at `at`; what cannot be read is none. The key of the one record is `version int16 | type int16`. */
export function isAbortMarker(records: Buffer, at: number): boolean {
  const end = at + batchSizeBytes(records, at)
  const reader = new VarintReader(records, at + BATCH_HEADER_BYTES, end)
  reader.readVarint()
  reader.position += 1
  reader.readVarlong()
  reader.readVarint()
  const keyBytes = reader.readVarint()
  return keyBytes >= 4 && reader.position + 4 <= end && records.readInt16BE(reader.position + 2) === 0
}

/** A header that says where the next batch begins may be believed as far as that goes. */
function damageAt(records: Buffer, at: number, offset: number): NonNullable<ReadableBatches['damaged']> {
  const left = records.length - at
  if (left < BATCH_HEADER_BYTES || batchSizeBytes(records, at) < BATCH_OVERHEAD_BYTES) return { offset }
  const nextReadable = lastOffset(records, at) + 1
  return Number.isSafeInteger(nextReadable) && nextReadable > offset ? { offset, nextReadable } : { offset }
}

/** As many of the batches as a sum of bytes begins with: the one that reaches it is the last. */
export function firstBytes(buffers: readonly Buffer[], sizeBytes: number, maxBytes: number): readonly Buffer[] {
  if (sizeBytes <= maxBytes) return buffers
  const kept: Buffer[] = []
  let left = maxBytes
  for (const buffer of buffers) {
    if (left <= 0) break
    let at = 0
    while (at < buffer.length && at < left) at += batchSizeBytes(buffer, at)
    kept.push(at < buffer.length ? buffer.subarray(0, at) : buffer)
    left -= at
  }
  return kept
}

/** Without the batches that end before an offset. */
export function batchesFrom(buffers: readonly Buffer[], offset: number): readonly Buffer[] {
  const [first] = buffers
  if (first === undefined) return buffers
  let at = 0
  while (at < first.length && lastOffset(first, at) < offset) at += batchSizeBytes(first, at)
  if (at === 0) return buffers
  const rest = buffers.slice(1)
  return at < first.length ? [first.subarray(at), ...rest] : batchesFrom(rest, offset)
}

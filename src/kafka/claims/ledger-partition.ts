import {
  batchSizeBytes,
  checkBatch,
  isControl,
  isTransactional,
  lastOffset,
  producerId,
} from '../../codec/record-batch.ts'
import { readRecords } from '../../codec/record-reader.ts'
import { BrokerError } from '../../broker/broker-error.ts'
import { shortDigest } from '../../broker/short-digest.ts'
import { isAbortMarker } from '../fetch/readable-batches.ts'
import { EntryIndex } from './entry-index.ts'

/** An entry of a transaction that has not ended yet, as far as the log was read. */
interface WrittenEntry {
  readonly digest: Buffer
  readonly offset: number
  readonly madeMs: number
}

/**
 * What was read of a partition of a ledger: where the newest committed entry of each name is. It tells for itself what is
 * committed, from the markers of transactions: a transaction that stays open, because its gateway died, hides nothing that
 * others committed behind it.
 */
export class LedgerPartition {
  readonly index = new EntryIndex()
  /** Up to where it was read; −1 = nothing yet. */
  position = -1
  /** Where it was begun, and where the log ended then: how far a first read is. */
  begin = 0
  end = 0
  /** By the producer id of their transaction. */
  readonly #open = new Map<bigint, WrittenEntry[]>()

  /** @param expiredMs entries made before need not be known */
  take(records: Buffer, expiredMs: number): void {
    for (let at = 0; at < records.length; at += batchSizeBytes(records, at)) {
      const check = checkBatch(records, at, records.length)
      if (check === 'torn') return
      if (check === 'corrupt') throw damaged(this.position)
      const last = lastOffset(records, at)
      if (last >= this.position) {
        if (isControl(records, at)) this.#endTransaction(records, at, expiredMs)
        else if (isTransactional(records, at)) this.#keep(records, at)
      }
      this.position = Math.max(this.position, last + 1)
    }
  }

  #keep(records: Buffer, at: number): void {
    const id = producerId(records, at)
    const entries = this.#open.get(id) ?? []
    this.#open.set(id, entries)
    readRecords(records, at, {
      record: (offset, timestamp, keyStart, keyEnd) => {
        if (keyStart < 0) return true
        entries.push({ digest: shortDigest(records.subarray(keyStart, keyEnd)), offset, madeMs: timestamp })
        return true
      },
    })
  }

  #endTransaction(records: Buffer, at: number, expiredMs: number): void {
    const id = producerId(records, at)
    const entries = this.#open.get(id) ?? []
    this.#open.delete(id)
    if (isAbortMarker(records, at)) return
    for (const { digest, offset, madeMs } of entries) {
      if (madeMs >= expiredMs) this.index.put(digest, offset, madeMs, expiredMs)
    }
  }
}

/** The value of the record at that offset, if its key is that. */
export function valueAt(records: Buffer, offset: number, key: string): Buffer | undefined {
  let found: Buffer | undefined
  for (let at = 0; at < records.length; at += batchSizeBytes(records, at)) {
    if (checkBatch(records, at, records.length) !== 'valid') break
    if (lastOffset(records, at) < offset || isControl(records, at)) continue
    readRecords(records, at, {
      record: (recordOffset, _timestamp, keyStart, keyEnd, valueStart, valueEnd) => {
        const isIt = recordOffset === offset && keyStart >= 0 && records.toString('utf8', keyStart, keyEnd) === key
        if (isIt && valueStart >= 0) found = Buffer.from(records.subarray(valueStart, valueEnd))
        return recordOffset < offset
      },
    })
    break
  }
  return found
}

function damaged(offset: number): BrokerError {
  return new BrokerError(
    'KAFKA_STORAGE_ERROR',
    `What is known of earlier requests is damaged at offset ${offset} of its topic. Nothing was stored.`,
    { stored: 'no', retryAfterSeconds: 30 },
  )
}

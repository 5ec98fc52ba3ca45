import { BatchScan, type ScannedBatch } from '../codec/batch-scan.ts'
import { CorruptBatchError } from '../codec/corrupt-batch-error.ts'
import {
  attributes,
  compressionCodec,
  isControl,
  isLogAppendTime,
  isTransactional,
  producerId,
} from '../codec/record-batch.ts'
import { BrokerError } from './broker-error.ts'
import type { ErrorCode } from './error-catalogue.ts'

export interface BatchBodyLimits {
  /** `request.max.records`: each batch has an entry in the reply, as a record has elsewhere. */
  readonly maxBatches: number
  /** `record.max.headers` */
  readonly maxHeaders: number
}

const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const KNOWN_ATTRIBUTES = 0x3f

/**
 * Reads a request body that is record batches one behind the other, as a client encoded them. What no topic would take
 * is refused here, before a topic is looked for: the first fault ends it, for what is behind it cannot be told.
 */
export class ClientBatches {
  readonly #scan = new BatchScan()
  readonly #limits: BatchBodyLimits

  constructor(limits: BatchBodyLimits) {
    this.#limits = limits
  }

  /** At least one batch; they cover the body. Throws a BrokerError with `stored: no` that names batch, record and byte. */
  read(body: Buffer): ScannedBatch[] {
    const batches: ScannedBatch[] = []
    for (let at = 0; at < body.length;) {
      const number = batches.length
      if (number === this.#limits.maxBatches) throw this.#tooMany(at)
      const batch = this.#readOne(body, at, number)
      batches.push(batch)
      at += batch.sizeBytes
    }
    return batches
  }

  #readOne(body: Buffer, at: number, number: number): ScannedBatch {
    let inRecords = false
    try {
      this.#scan.checkFrame(body, at)
      refuseHeader(body, at, number)
      inRecords = true
      const batch = this.#scan.readBatch(body, at)
      if (batch.mostHeaders > this.#limits.maxHeaders) throw this.#tooManyHeaders(batch, number)
      return batch
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error
      throw corrupt(error, at, number, inRecords ? this.#scan.recordsRead : undefined)
    }
  }

  #tooMany(at: number): BrokerError {
    const { maxBatches } = this.#limits
    const reason = `There are more than ${maxBatches} batches in the request, the most that it may hold (request.max.records).`
    return refusedBatch('INVALID_REQUEST', { batch: maxBatches, byte: at }, reason)
  }

  #tooManyHeaders(batch: ScannedBatch, number: number): BrokerError {
    const reason = `A record has ${batch.mostHeaders} headers; at most ${this.#limits.maxHeaders} are taken (record.max.headers).`
    return refusedBatch('INVALID_RECORD', { batch: number, byte: batch.position }, reason)
  }
}

/** Where in a body something is: batches and records are counted from 0, as are bytes. */
export interface BatchPlace {
  readonly batch: number
  readonly byte: number
  readonly record?: number
}

export function batchPointer({ batch, record }: BatchPlace): string {
  return record === undefined ? `/batches/${batch}` : `/batches/${batch}/records/${record}`
}

export function placeText({ batch, byte, record }: BatchPlace): string {
  return record === undefined
    ? `Batch ${batch} (at byte ${byte})`
    : `Record ${record} of batch ${batch} (at byte ${byte})`
}

function refusedBatch(code: ErrorCode, place: BatchPlace, reason: string): BrokerError {
  const detail = `${placeText(place)} is refused: ${reason}`
  return new BrokerError(code, `${detail} Nothing was stored.`, {
    stored: 'no',
    errors: [{ pointer: batchPointer(place), detail }],
    facts: { ...place },
  })
}

function corrupt(error: CorruptBatchError, at: number, batch: number, record: number | undefined): BrokerError {
  const inHeader = error.position === at
  const place = { batch, byte: error.position, ...(record !== undefined && !inHeader && { record }) }
  const reason = `${error.message}. Send record batches v2 (magic 2) whole, one behind the other, as a producer encodes them.`
  return refusedBatch('CORRUPT_MESSAGE', place, reason)
}

/** What a batch may not claim: it is for the broker, or for a later server, to say. */
function refuseHeader(body: Buffer, at: number, batch: number): void {
  const place = { batch, byte: at }
  const bits = attributes(body, at)
  if (bits !== 0) refuseAttributes(body, place)
  const id = producerId(body, at)
  if (id === -1n) return
  throw refusedBatch(
    'INVALID_RECORD',
    place,
    `It has the producer id ${id}: only batches without one (−1) are taken. Encode it with enable.idempotence=false.`,
  )
}

function refuseAttributes(body: Buffer, place: BatchPlace): void {
  const { byte: at } = place
  const codec = compressionCodec(body, at)
  if (codec !== 0) {
    throw refusedBatch(
      'UNSUPPORTED_COMPRESSION_TYPE',
      place,
      `It is compressed (${codecNames[codec] ?? codec}): its records could not be checked. Encode it with compression.type=none.`,
    )
  }
  if (isControl(body, at)) {
    throw refusedBatch('INVALID_RECORD', place, 'It is a control batch, which only a broker writes.')
  }
  if (isTransactional(body, at)) {
    throw refusedBatch('INVALID_RECORD', place, 'It is transactional: there are no transactions. Encode it without.')
  }
  if (isLogAppendTime(body, at)) {
    const reason =
      'It says LogAppendTime, which only a broker sets: encode it with CreateTime; the topic’s ' +
      'message.timestamp.type decides what readers see.'
    throw refusedBatch('INVALID_TIMESTAMP', place, reason)
  }
  const bits = attributes(body, at)
  if ((bits & ~KNOWN_ATTRIBUTES) === 0) return
  const reason = `Its attributes 0x${(bits & 0xffff).toString(16)} have bits beyond codec, timestamp type, transaction and control.`
  throw refusedBatch('INVALID_RECORD', place, reason)
}

import { setImmediate } from 'node:timers/promises'
import { BatchScan, type ScannedBatch } from '../codec/batch-scan.ts'
import { decompressBatch, decompressBatchSync } from '../codec/compressed-batch.ts'
import { CorruptBatchError, DecompressedTooLargeError } from '../codec/corrupt-batch-error.ts'
import { attributes, batchSizeBytes, compressionCodec, isControl, isLogAppendTime } from '../codec/record-batch.ts'
import { BrokerError } from './broker-error.ts'
import type { CodecJobs } from './codec-jobs.ts'
import { DECOMPRESSED_BATCH_MAX_BYTES } from './decompressed-batches.ts'
import type { ErrorCode } from './error-catalogue.ts'

export interface BatchBodyLimits {
  /** `request.max.records`: each batch has an entry in the reply, as a record has elsewhere. */
  readonly maxBatches: number
  /** `record.max.headers` */
  readonly maxHeaders: number
  /** `request.max.bytes`: what its compressed batches may hold together. */
  readonly maxContentBytes: number
}

/** Up to these sizes a trip to another thread costs more than the work itself. */
const AT_ONCE_MAX_BYTES = 4 * 1024
const AT_ONCE_CONTENT_MAX_BYTES = 32 * 1024
/** After so many small ones, others have their turn. */
const BATCHES_AT_ONCE = 32
const KNOWN_ATTRIBUTES = 0x3f

/**
 * Reads a request body that is record batches one behind the other, as a client encoded them. What no topic would take
 * is refused here, before a topic is looked for: the first fault ends it, for what is behind it cannot be told.
 */
export class ClientBatches {
  readonly #scan = new BatchScan()
  readonly #limits: BatchBodyLimits
  readonly #jobs: CodecJobs
  readonly #batches: ScannedBatch[] = []
  #contentBytes = 0

  /** For one body. */
  constructor(limits: BatchBodyLimits, jobs: CodecJobs) {
    this.#limits = limits
    this.#jobs = jobs
  }

  /**
   * At least one batch; they cover the body. At once where none is compressed. Throws, or rejects with, a BrokerError with
   * `stored: no` that names batch, record and byte.
   */
  read(body: Buffer): readonly ScannedBatch[] | Promise<readonly ScannedBatch[]> {
    const at = this.#readPlain(body, 0)
    return at === body.length ? this.#batches : this.#readFrom(body, at)
  }

  async #readFrom(body: Buffer, at: number): Promise<readonly ScannedBatch[]> {
    while (at < body.length) {
      await this.#readCompressed(body, at)
      if (this.#batches.length % BATCHES_AT_ONCE === 0) await setImmediate()
      at = this.#readPlain(body, at + batchSizeBytes(body, at))
    }
    return this.#batches
  }

  /** Reads on to the next compressed batch, or the end; returns where that is. */
  #readPlain(body: Buffer, at: number): number {
    while (at < body.length) {
      this.#checkFrame(body, at)
      if (compressionCodec(body, at) !== 0) break
      this.#scanBatch(body, at, body, at)
      at += batchSizeBytes(body, at)
    }
    return at
  }

  async #readCompressed(body: Buffer, at: number): Promise<void> {
    let plain: Buffer
    try {
      plain = await this.#decompressed(body, at)
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error
      if (error instanceof DecompressedTooLargeError) throw this.#tooMuchContent(at)
      throw corrupt(error, at, this.#batches.length, undefined)
    }
    this.#contentBytes += plain.length
    this.#scanBatch(plain, 0, body, at)
  }

  #decompressed(body: Buffer, at: number): Buffer | Promise<Buffer> {
    const maxBytes = Math.min(this.#limits.maxContentBytes - this.#contentBytes, DECOMPRESSED_BATCH_MAX_BYTES)
    if (batchSizeBytes(body, at) <= AT_ONCE_MAX_BYTES) {
      try {
        return decompressBatchSync(body, at, Math.min(maxBytes, AT_ONCE_CONTENT_MAX_BYTES))
      } catch (error) {
        if (!(error instanceof DecompressedTooLargeError)) throw error
      }
    }
    return this.#jobs.run(() => decompressBatch(body, at, maxBytes))
  }

  #checkFrame(body: Buffer, at: number): void {
    const number = this.#batches.length
    if (number === this.#limits.maxBatches) throw this.#tooMany(at)
    try {
      this.#scan.checkFrame(body, at)
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error
      throw corrupt(error, at, number, undefined)
    }
    refuseHeader(body, at, number)
  }

  /** @param plain the batch at `at` of the body, uncompressed, at `plainAt` */
  #scanBatch(plain: Buffer, plainAt: number, body: Buffer, at: number): void {
    const number = this.#batches.length
    let scanned: ScannedBatch
    try {
      scanned = this.#scan.readBatch(plain, plainAt)
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error
      if (plain === body) throw corrupt(error, at, number, this.#scan.recordsRead)
      throw corruptContent(error, at, number, this.#scan.recordsRead)
    }
    const batch = plain === body ? scanned : { ...scanned, position: at, sizeBytes: batchSizeBytes(body, at) }
    if (batch.mostHeaders > this.#limits.maxHeaders) throw this.#tooManyHeaders(batch, number)
    this.#batches.push(batch)
  }

  #tooMany(at: number): BrokerError {
    const { maxBatches } = this.#limits
    const reason = `There are more than ${maxBatches} batches in the request, the most that it may hold (request.max.records).`
    return refusedBatch('INVALID_REQUEST', { batch: maxBatches, byte: at }, reason)
  }

  #tooMuchContent(at: number): BrokerError {
    const { maxContentBytes } = this.#limits
    const place = { batch: this.#batches.length, byte: at }
    const reason =
      `Decompressed, the batches up to this one hold more than ${maxContentBytes} bytes, the most that is taken ` +
      '(request.max.bytes). Send them in several requests, or with fewer records each.'
    return refusedBatch('REQUEST_TOO_LARGE', place, reason)
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

/** Of a compressed batch, in whose content positions say nothing about the body. */
function corruptContent(error: CorruptBatchError, at: number, batch: number, record: number): BrokerError {
  const place = { batch, byte: at, ...(error.position > 0 && { record }) }
  const reason = `${error.message} of the decompressed batch. Send record batches v2 as a producer encodes them.`
  return refusedBatch('CORRUPT_MESSAGE', place, reason)
}

/** What a batch may not claim: it is for the broker, or for a later server, to say. */
function refuseHeader(body: Buffer, at: number, batch: number): void {
  const place = { batch, byte: at }
  if (attributes(body, at) !== 0) refuseAttributes(body, place)
}

function refuseAttributes(body: Buffer, place: BatchPlace): void {
  const { byte: at } = place
  if (isControl(body, at)) {
    throw refusedBatch('INVALID_RECORD', place, 'It is a control batch, which only a broker writes.')
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

import type { KnownProducer, RememberedRequest } from '../../broker/known-producer.ts'
import { REQUESTS_REMEMBERED } from '../../broker/known-producer.ts'
import type { StoredRun } from '../../broker/append-request.ts'
import type { PublishIdentity, StoredPart } from '../../broker/publish-claim.ts'

/** All that is known of a producer in a topic, or of an Idempotency-Key: one record of the ledger, which replaces the last. */
export interface LedgerEntry {
  readonly bornMs: number
  readonly epoch: number
  /** The newest last; of this epoch. */
  readonly requests: readonly RememberedRequest[]
}

export function knownProducer({ bornMs, epoch, requests }: LedgerEntry): KnownProducer | undefined {
  const newest = requests.at(-1)
  if (newest === undefined) return undefined
  return {
    bornMs,
    epoch,
    lastSequence: newest.sequence,
    lastIsComplete: true,
    request: (sequence) => requests.find((one) => one.sequence === sequence),
  }
}

/**
 * What is known when this request is stored, too.
 *
 * @param before what is still in force: nothing of a life that has expired
 */
export function withRequest(
  before: LedgerEntry | undefined,
  identity: PublishIdentity,
  request: Omit<RememberedRequest, 'sequence' | 'fingerprint' | 'missing'>,
): LedgerEntry {
  const { fingerprint } = identity
  const epoch = identity.kind === 'sequence' ? identity.epoch : 0
  const sequence = identity.kind === 'sequence' ? identity.sequence : 0
  const isSameRow = identity.kind === 'sequence' && before?.epoch === epoch
  const kept = isSameRow ? before.requests.slice(1 - REQUESTS_REMEMBERED) : []
  return {
    bornMs: before?.bornMs ?? request.arrivedMs,
    epoch,
    requests: [...kept, { ...request, sequence, fingerprint, missing: [] }],
  }
}

/** Stored parts as [partition, first offset, last offset, LogAppendTime, runs where there are]. */
type WrittenPart = readonly [number, number, number, number, (readonly StoredRun[])?]

interface WrittenRequest {
  readonly sequence: number
  readonly fingerprint: string
  readonly partitionCount: number
  readonly arrivedMs: number
  readonly stored: readonly WrittenPart[]
}

interface WrittenEntry {
  readonly version: 1
  readonly bornMs: number
  readonly epoch: number
  readonly requests: readonly WrittenRequest[]
}

/** JSON, so that an operator can read it with any consumer. */
export function writeLedgerEntry({ bornMs, epoch, requests }: LedgerEntry): Buffer {
  const written: WrittenEntry = {
    version: 1,
    bornMs,
    epoch,
    requests: requests.map(({ sequence, fingerprint, partitionCount, arrivedMs, stored }) => ({
      sequence,
      fingerprint: fingerprint.toString('base64'),
      partitionCount,
      arrivedMs,
      stored: stored.map(writtenPart),
    })),
  }
  return Buffer.from(JSON.stringify(written))
}

/** Undefined for what was not written by `writeLedgerEntry`. */
export function readLedgerEntry(value: Buffer): LedgerEntry | undefined {
  const written = parsed(value)
  if (!isWrittenEntry(written)) return undefined
  return {
    bornMs: written.bornMs,
    epoch: written.epoch,
    requests: written.requests.map(({ sequence, fingerprint, partitionCount, arrivedMs, stored }) => ({
      sequence,
      fingerprint: Buffer.from(fingerprint, 'base64'),
      partitionCount,
      arrivedMs,
      stored: stored.map(storedPart),
      missing: [],
    })),
  }
}

function writtenPart({ partition, baseOffset, lastOffset, logAppendTime, runs }: StoredPart): WrittenPart {
  if (runs === undefined) return [partition, baseOffset, lastOffset, logAppendTime]
  return [partition, baseOffset, lastOffset, logAppendTime, runs]
}

function storedPart([partition, baseOffset, lastOffset, logAppendTime, runs]: WrittenPart): StoredPart {
  return { partition, baseOffset, lastOffset, logAppendTime, ...(runs !== undefined && { runs }) }
}

function parsed(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString())
  } catch {
    return undefined
  }
}

function isWrittenEntry(value: unknown): value is WrittenEntry {
  if (typeof value !== 'object' || value === null) return false
  if (!('version' in value && value.version === 1 && 'bornMs' in value && 'epoch' in value)) return false
  if (!areNumbers([value.bornMs, value.epoch]) || !('requests' in value)) return false
  return Array.isArray(value.requests) && value.requests.length > 0 && value.requests.every(isWrittenRequest)
}

function isWrittenRequest(value: unknown): value is WrittenRequest {
  if (typeof value !== 'object' || value === null) return false
  if (!('sequence' in value && 'partitionCount' in value && 'arrivedMs' in value)) return false
  if (!areNumbers([value.sequence, value.partitionCount, value.arrivedMs])) return false
  if (!('fingerprint' in value && typeof value.fingerprint === 'string' && 'stored' in value)) return false
  return Array.isArray(value.stored) && value.stored.every(isWrittenPart)
}

function isWrittenPart(value: unknown): value is WrittenPart {
  if (!Array.isArray(value)) return false
  const [partition, first, last, time, runs]: unknown[] = value
  return (
    areNumbers([partition, first, last, time]) && (runs === undefined || (Array.isArray(runs) && runs.every(isRun)))
  )
}

function isRun(value: unknown): value is StoredRun {
  if (typeof value !== 'object' || value === null) return false
  if (!('recordCount' in value && 'baseOffset' in value && 'logAppendTime' in value)) return false
  return areNumbers([value.recordCount, value.baseOffset, value.logAppendTime])
}

function areNumbers(values: readonly unknown[]): boolean {
  return values.every((value) => Number.isSafeInteger(value))
}

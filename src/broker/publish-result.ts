import assert from 'node:assert/strict'
import { BrokerError, type FieldError } from './broker-error.ts'
import type { AppendPartResult, AppendResult, Durability } from './append-request.ts'
import type { RecordColumns } from './record-columns.ts'

/** What became of a publish request of which something was stored. */
export interface PublishResult {
  readonly topic: string
  readonly durability: Durability
  /**
   * The request's records, with `partition`, `offset` and `timestamp` as stored. The offset is −1 for a record whose
   * partition failed, and for all where the acknowledgement vouches for nothing.
   */
  readonly columns: RecordColumns
  /** By partition; empty where everything was stored. */
  readonly failures: ReadonlyMap<number, BrokerError>
  /** Of the failures the gravest, with `stored: partial`: the status and code of the reply. */
  readonly worst?: BrokerError
  /** The request, or a part of it, had been stored before. */
  readonly duplicate: boolean
}

/** What is known of a request beside its records. */
export interface RequestHistory {
  /** Sent again, the same request stores what is missing and nothing twice. */
  readonly repeatable: boolean
  readonly duplicate: boolean
}

const noFailures: ReadonlyMap<number, BrokerError> = new Map()
const unknownRequest: RequestHistory = { repeatable: false, duplicate: false }

/**
 * Writes into the columns where the records of an append now are.
 * @throws BrokerError the gravest failure, where no part was stored
 */
export function publishResult(
  topic: string,
  columns: RecordColumns,
  appended: AppendResult,
  { repeatable, duplicate }: RequestHistory = unknownRequest,
): PublishResult {
  const { durability, parts } = appended
  const [first] = parts
  assert(first !== undefined, 'an append has at least one part')
  const failures = failuresOf(parts, columns)
  if (failures.size === parts.length && parts.every(({ runs }) => runs === undefined)) {
    throw wholeFailure([...failures.values()])
  }
  if (parts.some(({ runs }) => runs !== undefined)) placeByRuns(columns, parts)
  else if (parts.length === 1) placeInOnePartition(columns, first)
  else placeByPartition(columns, parts)
  if (failures.size === 0) return { topic, durability, columns, failures, duplicate }
  const worst = partialFailure([...failures.values()], repeatable)
  return { topic, durability, columns, failures, worst, duplicate }
}

function placeInOnePartition(columns: RecordColumns, part: AppendPartResult): void {
  const { count, offset, timestamp } = columns
  for (let i = 0; i < count; i++) offset[i] = part.baseOffset < 0 ? -1 : part.baseOffset + i
  if (part.logAppendTime >= 0) timestamp.fill(part.logAppendTime, 0, count)
}

function placeByPartition(columns: RecordColumns, parts: readonly AppendPartResult[]): void {
  const highest = parts.reduce((most, part) => Math.max(most, part.partition), 0)
  const next = new Float64Array(highest + 1).fill(-1)
  const appendTime = new Float64Array(highest + 1).fill(-1)
  for (const { partition, baseOffset, logAppendTime, error } of parts) {
    if (error !== undefined) continue
    next[partition] = baseOffset
    appendTime[partition] = logAppendTime
  }
  for (let i = 0; i < columns.count; i++) {
    const partition = columns.partition[i]!
    const offset = next[partition]!
    columns.offset[i] = offset
    if (offset >= 0) next[partition] = offset + 1
    if (appendTime[partition]! >= 0) columns.timestamp[i] = appendTime[partition]!
  }
}

/** Each record is in the next batch of its partition that is not full yet. */
function placeByRuns(columns: RecordColumns, parts: readonly AppendPartResult[]): void {
  const places = new Map(parts.map((part) => [part.partition, placesOf(part)]))
  for (let i = 0; i < columns.count; i++) {
    const place = places.get(columns.partition[i]!)?.next().value
    columns.offset[i] = place?.offset ?? -1
    if (place !== undefined && place.logAppendTime >= 0) columns.timestamp[i] = place.logAppendTime
  }
}

interface RecordPlace {
  readonly offset: number
  readonly logAppendTime: number
}

/** Of one record after the other. */
function* placesOf({ baseOffset, logAppendTime, runs, error }: AppendPartResult): Generator<RecordPlace, undefined> {
  const all = runs ?? [{ recordCount: Number.POSITIVE_INFINITY, baseOffset: error ? -1 : baseOffset, logAppendTime }]
  for (const { recordCount, baseOffset: first, logAppendTime: time } of all) {
    for (let i = 0; i < recordCount; i++) yield { offset: first < 0 ? -1 : first + i, logAppendTime: time }
  }
  return undefined
}

function failuresOf(parts: readonly AppendPartResult[], columns: RecordColumns): ReadonlyMap<number, BrokerError> {
  let failures: Map<number, BrokerError> | undefined
  for (const { partition, error } of parts) {
    if (error === undefined) continue
    const isOfPart = (i: number): boolean => columns.partition[i] === partition
    ;(failures ??= new Map<number, BrokerError>()).set(partition, withRecordsNamed(error, columns.count, isOfPart))
  }
  return failures ?? noFailures
}

/** An engine counts the records of its part; the client those of its request. */
export function withRecordsNamed(
  error: BrokerError,
  count: number,
  isOfPart: (i: number) => boolean = () => true,
): BrokerError {
  const { refusedRecords = [], ...options } = error.options
  if (refusedRecords.length === 0) return error
  const ofPart: number[] = []
  for (let i = 0; i < count; i++) if (isOfPart(i)) ofPart.push(i)
  const errors = refusedRecords.map(({ position, field, detail }): FieldError => {
    return { pointer: `/records/${ofPart[position] ?? position}${field === undefined ? '' : `/${field}`}`, detail }
  })
  const [first] = errors
  const said = first === undefined ? '' : `Record ${first.pointer.split('/')[2]}: ${first.detail} `
  return new BrokerError(error.code, `${said}${error.message}`, { ...options, errors, cause: error })
}

/** The highest status; among equals one of which it is not known what was stored. */
function gravestOf(errors: readonly BrokerError[]): BrokerError {
  const gravity = (error: BrokerError) => error.status * 2 + (error.options.stored === 'no' ? 0 : 1)
  return errors.reduce((gravest, error) => (gravity(error) > gravity(gravest) ? error : gravest))
}

function wholeFailure(errors: readonly BrokerError[]): BrokerError {
  const gravest = gravestOf(errors)
  const stored = errors.every((error) => error.options.stored === 'no') ? 'no' : 'unknown'
  return new BrokerError(gravest.code, gravest.message, { ...gravest.options, stored, cause: gravest })
}

/** Without an identity its recovery is not to retry: that would store the other partitions' records twice. */
function partialFailure(errors: readonly BrokerError[], repeatable: boolean): BrokerError {
  const gravest = gravestOf(errors)
  const remedy = repeatable
    ? 'send the same request again, and only what is missing is stored.'
    : 'send again only those without an offset.'
  return new BrokerError(gravest.code, `${gravest.message} Records of other partitions were stored: ${remedy}`, {
    ...gravest.options,
    stored: 'partial',
    recovery: repeatable ? 'retry' : 'none',
    cause: gravest,
  })
}

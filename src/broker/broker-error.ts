import { errorCatalogue, type ErrorCode, type Recovery } from './error-catalogue.ts'

/** What became of the records of a publish request that failed. */
export type Stored = 'no' | 'partial' | 'unknown'

/** One fault in a request. `pointer` is a JSON pointer into the body, or `?name` for a query parameter. */
export interface FieldError {
  readonly pointer: string
  readonly detail: string
}

/** A record that an append was refused for. */
export interface RefusedRecord {
  /** Among the records of the append's part, counted from 0. */
  readonly position: number
  readonly field?: 'key' | 'timestamp'
  readonly detail: string
}

export interface BrokerErrorOptions {
  /** Replaces the catalogue's HTTP status where one code has two (410 and 416 of OFFSET_OUT_OF_RANGE). */
  readonly status?: number
  readonly stored?: Stored
  readonly errors?: readonly FieldError[]
  /** How many faults there were, where `errors` was cut. */
  readonly errorCount?: number
  /** Seconds, for `Retry-After`. */
  readonly retryAfterSeconds?: number
  /** Further members of the problem document: bounds, expected values, a cursor. */
  readonly facts?: Readonly<Record<string, unknown>>
  readonly recovery?: Recovery
  /** What an engine found wrong that the checks before it did not; told to clients as `errors`. */
  readonly refusedRecords?: readonly RefusedRecord[]
  readonly cause?: unknown
}

/** An operating error of the catalogue. Programmer errors are asserts, never this. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: ErrorCode
  readonly options: BrokerErrorOptions

  /** @param detail what was wrong, with the value, and what to do about it; shown to the client */
  constructor(code: ErrorCode, detail: string, options: BrokerErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.options = options
  }

  get status(): number {
    return this.options.status ?? errorCatalogue[this.code].status
  }

  get retriable(): boolean {
    return errorCatalogue[this.code].retriable
  }

  get recovery(): Recovery {
    return this.options.recovery ?? errorCatalogue[this.code].recovery
  }
}

import { BrokerError, type FieldError } from './broker-error.ts'
import type { ErrorCode } from './error-catalogue.ts'

/** No more than these are told; all are counted. */
const TOLD_MAX = 100

export type RecordFaultKind = 'empty' | 'partition' | 'null-key' | 'timestamp' | 'too-large' | 'beyond-segment'

interface Verdict {
  readonly code: ErrorCode
  readonly status?: number
}

/**
 * What a request is called whose only faults are of one kind. A record without key and value, or in a partition that is
 * not there, is a mistake in the body: 400, where 404 would say that the topic in the path is missing.
 */
const verdicts: Record<RecordFaultKind, Verdict> = {
  empty: { code: 'INVALID_RECORD', status: 400 },
  partition: { code: 'UNKNOWN_TOPIC_OR_PARTITION', status: 400 },
  'null-key': { code: 'INVALID_RECORD' },
  timestamp: { code: 'INVALID_TIMESTAMP' },
  'too-large': { code: 'MESSAGE_TOO_LARGE' },
  'beyond-segment': { code: 'RECORD_LIST_TOO_LARGE' },
}

/** Gathers what is wrong with the records of one request. */
export class RecordFaults {
  readonly #kinds = new Set<RecordFaultKind>()
  readonly #told: FieldError[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** False: a further fault need not be described, `addUntold` is enough. */
  get tellsMore(): boolean {
    return this.#told.length < TOLD_MAX
  }

  addUntold(kind: RecordFaultKind): void {
    this.#kinds.add(kind)
    this.#count++
  }

  /** @param detail made only for the faults that are told */
  add(kind: RecordFaultKind, pointer: string, detail: () => string): void {
    this.addUntold(kind)
    if (this.tellsMore) this.#told.push({ pointer, detail: detail() })
  }

  toError(): BrokerError {
    const { code, status } = this.#verdict()
    const [first] = this.#told
    const more = this.#count > 1 ? ` There are ${this.#count} faults in the records.` : ''
    return new BrokerError(code, `${first?.detail ?? ''} No record was stored.${more}`, {
      ...(status === undefined ? {} : { status }),
      stored: 'no',
      errors: this.#told,
      errorCount: this.#count,
    })
  }

  /** Kafka's rule (LogValidator): one bad timestamp makes it INVALID_TIMESTAMP, else a mixture is INVALID_RECORD. */
  #verdict(): Verdict {
    if (this.#kinds.has('timestamp')) return verdicts.timestamp
    const [only, ...others] = this.#kinds
    if (only === undefined || others.length > 0) return { code: 'INVALID_RECORD' }
    return verdicts[only]
  }
}

import { BrokerError, type FieldError } from '../../broker/broker-error.ts'
import { jsonPointer } from './body-excerpt.ts'

const MAX_SHOWN = 100

interface RecordFault {
  readonly record: number
  readonly error: FieldError
}

/**
 * The faults of one publish request: the first 100 in the order of the records are told, all are counted.
 *
 * They come in passes over the records, each in record order, so that the first 100 of every pass are enough.
 */
export class RequestFaults {
  readonly #faults: RecordFault[] = []
  /** Where records stand in the body: an array of it, or, if undefined, the record is all there is. */
  readonly #array: string | undefined
  #room = MAX_SHOWN
  #count = 0

  constructor(array?: string) {
    this.#array = array
  }

  /** @param path in the record; `describe` as in `add` */
  addIn(record: number, path: readonly (string | number)[], describe: () => string): void {
    this.add(record, () => {
      const pointer = this.#array === undefined ? jsonPointer(...path) : jsonPointer(this.#array, record, ...path)
      return { pointer, detail: describe() }
    })
  }

  /** `describe` is only called if the fault is among those that are told. */
  add(record: number, describe: () => FieldError): void {
    this.#count++
    if (this.#room === 0) return
    this.#room--
    this.#faults.push({ record, error: describe() })
  }

  /** The next faults come from the first record on again. */
  startPass(): void {
    this.#room = MAX_SHOWN
  }

  throwIfAny(): void {
    const errors = this.#faults
      .toSorted((a, b) => a.record - b.record)
      .slice(0, MAX_SHOWN)
      .map((fault) => fault.error)
    const [first] = errors
    if (first === undefined) return
    const others = this.#count === 1 ? '' : ` (the first of ${this.#count} faults, see "errors")`
    const where = first.pointer === '' ? '' : `${first.pointer}: `
    throw new BrokerError('INVALID_REQUEST', `${where}${first.detail}${others}`, {
      stored: 'no',
      errors,
      errorCount: this.#count,
    })
  }
}

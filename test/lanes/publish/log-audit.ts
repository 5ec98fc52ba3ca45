import { Places } from './places.ts'
import { sentRecord } from './sent-records.ts'

/** What the audit needs to know of a publisher. */
export interface AuditedPublisher {
  readonly name: string
  /** Its records stand in each partition in the order it sent them in. */
  readonly ordered: boolean
  readonly places: Places
}

export interface StoredRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string
}

/** Holds a whole log, record by record, against what publishers sent and were told. */
export class LogAudit {
  /** In sentences; empty where all is as it must be. */
  readonly violations: string[] = []
  records = 0
  readonly #partitions: number
  readonly #hasGaps: boolean
  readonly #publishers: ReadonlyMap<string, AuditedPublisher>
  readonly #found = new Map<string, Places>()
  readonly #nextOffset = new Map<number, number>()
  /** Number of the newest record by partition and publisher. */
  readonly #newest = new Map<string, number>()

  /**
   * @param partitions with which the records were made
   * @param hasGaps transactions take offsets too
   */
  constructor(publishers: readonly AuditedPublisher[], partitions: number, hasGaps = false) {
    this.#hasGaps = hasGaps
    this.#partitions = partitions
    this.#publishers = new Map(publishers.map((publisher) => [publisher.name, publisher]))
    for (const { name, places } of publishers) this.#found.set(name, new Places(places.length))
  }

  /** Takes the records of each partition from its first on. */
  take(stored: StoredRecord): void {
    this.records++
    const { partition, offset } = stored
    const expected = this.#nextOffset.get(partition) ?? 0
    if (this.#hasGaps ? offset < expected : offset !== expected)
      this.violations.push(`partition ${partition} goes on with ${offset}, not ${expected}`)
    this.#nextOffset.set(partition, offset + 1)
    const { publisher: name = '', number = -1 } = JSON.parse(stored.value) as { publisher?: string; number?: number }
    const publisher = this.#publishers.get(name)
    if (publisher === undefined || number >= publisher.places.length) {
      this.violations.push(`${partition}/${offset}: nobody sent ${stored.value}`)
      return
    }
    this.#takeOf(publisher, number, stored)
  }

  /** Behind the last record. */
  finish(): readonly string[] {
    for (const { name, places } of this.#publishers.values()) {
      const found = this.#found.get(name)
      for (let number = 0; number < places.length; number++) {
        const said = JSON.stringify(places.at(number))
        const is = JSON.stringify(found?.at(number))
        if (is === undefined) this.violations.push(`${name}/${number} is not there; acknowledged: ${said ?? 'no'}`)
        else if (said !== is) this.violations.push(`${name}/${number} was said to be at ${said ?? '-'} and is at ${is}`)
      }
    }
    return this.violations
  }

  #takeOf({ name, ordered }: AuditedPublisher, number: number, stored: StoredRecord): void {
    const { partition, offset } = stored
    const sent = sentRecord(name, number, this.#partitions)
    const label = `${name}/${number} at ${partition}/${offset}`
    if (stored.value !== sent.value || stored.key !== sent.key) this.violations.push(`${label} has other bytes`)
    if (sent.partition !== undefined && sent.partition !== partition)
      this.violations.push(`${label} was sent to partition ${sent.partition}`)
    if (sent.timestamp !== undefined && sent.timestamp !== stored.timestamp)
      this.violations.push(`${label} was sent with timestamp ${sent.timestamp} and has ${stored.timestamp}`)
    const found = this.#found.get(name)
    const before = found?.at(number)
    if (before !== undefined) this.violations.push(`${label} is a duplicate of ${before.partition}/${before.offset}`)
    else found?.set(number, stored)
    const newest = this.#newest.get(`${partition}/${name}`) ?? -1
    if (ordered && number < newest) this.violations.push(`${label} stands behind ${name}/${newest}`)
    this.#newest.set(`${partition}/${name}`, Math.max(newest, number))
  }
}

import { createHash } from 'node:crypto'

/*
 * What publishers send: everything follows from the publisher's name and the number of the record, so that a record of the
 * log says by itself who sent it, and whether it is as it was sent.
 */

export interface SentRecord {
  readonly key: string | null
  /** JSON text, which is stored and read back byte for byte. */
  readonly value: string
  /** undefined = the server chooses. */
  readonly partition: number | undefined
  /** undefined = the server's own time. */
  readonly timestamp: number | undefined
}

const FIRST_TIMESTAMP = 1_700_000_000_000
const filling = createHash('sha512').update('filling').digest('hex')

/** @param partitions that every topic of these records has at least */
export function sentRecord(publisher: string, number: number, partitions: number): SentRecord {
  const note = filling.slice(0, 20 + (number % 100))
  return {
    key: number % 5 === 0 ? null : `${publisher}/${number % 50}`,
    value: `{"publisher":"${publisher}","number":${number},"note":"${note}"}`,
    partition: number % 7 === 0 ? number % partitions : undefined,
    timestamp: number % 3 === 0 ? FIRST_TIMESTAMP + number : undefined,
  }
}

/** Sizes of a publisher's requests, in turn. */
const REQUEST_SIZES = [1, 100, 7, 40, 300, 3, 20, 1]

export interface PlannedRequest {
  /** Number of the publisher's first record in it. */
  readonly first: number
  readonly count: number
}

/** Cuts a publisher's records into its requests. */
export function plannedRequests(records: number): PlannedRequest[] {
  const planned: PlannedRequest[] = []
  for (let first = 0; first < records;) {
    const count = Math.min(REQUEST_SIZES[planned.length % REQUEST_SIZES.length] ?? 1, records - first)
    planned.push({ first, count })
    first += count
  }
  return planned
}

export function requestBody(publisher: string, { first, count }: PlannedRequest, partitions: number): string {
  const texts: string[] = []
  for (let number = first; number < first + count; number++) {
    const { key, value, partition, timestamp } = sentRecord(publisher, number, partitions)
    const place = partition === undefined ? '' : `,"partition":${partition}`
    const time = timestamp === undefined ? '' : `,"timestamp":${timestamp}`
    texts.push(`{"key":${JSON.stringify(key)},"value":${value}${place}${time}}`)
  }
  return `{"records":[${texts.join(',')}]}`
}

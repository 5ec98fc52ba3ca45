import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { flights, type InputRecord } from '../../test/support/real-input.ts'
import { type BodySet, JSON_TYPE } from '../bodies.ts'
import { sum } from '../measure/statistics.ts'

/** Bodies as many as 200,000 flights give, at most this many. */
const MOST_BODIES = 64

/** Records of a published data set, as they are, rather than the same one again and again: what compresses as real ones do. */
export function writeFlightBodies(folder: string, recordsPerRequest: number, withKeys: boolean): BodySet {
  const all = flights()
  const count = Math.min(MOST_BODIES, Math.floor(all.length / recordsPerRequest))
  const files = Array.from({ length: count }, (_, index) => {
    const records = all.slice(index * recordsPerRequest, (index + 1) * recordsPerRequest)
    const file = join(folder, `flights-${recordsPerRequest}-${index}.json`)
    writeFileSync(file, `{"records":[${records.map((record) => recordText(record, withKeys)).join(',')}]}`)
    return file
  })
  return { files, contentType: JSON_TYPE }
}

/** All 200,000 in one file, one a line. */
export function writeFlightLines(folder: string): BodySet {
  const file = join(folder, 'flights.ndjson')
  const lines = flights().map((record) => `${recordText(record, true)}\n`)
  writeFileSync(file, lines.join(''))
  return { files: [file], contentType: 'application/x-ndjson' }
}

/** On average. */
export function flightValueBytes(): number {
  const all = flights()
  return sum(all.map(({ value }) => value.length)) / all.length
}

function recordText({ key, value }: InputRecord, withKey: boolean): string {
  return withKey ? `{"key":"${key}","value":${value}}` : `{"value":${value}}`
}

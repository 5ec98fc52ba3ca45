import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A value of exactly 100 bytes of JSON, as an order might look. */
function value(number: number): string {
  const start = `{"order":${number},"total":12.50,"currency":"EUR","note":"`
  return `${start}${'x'.repeat(100 - start.length - 2)}"}`
}

/** Writes a publish body of so many records with 100-byte values and keys that spread over all partitions. */
export function writeBody(folder: string, recordCount: number): string {
  const records = Array.from(
    { length: recordCount },
    (_, index) => `{"key":"user-${index}","value":${value(1_000_000 + index)}}`,
  )
  const file = join(folder, `body-${recordCount}.json`)
  writeFileSync(file, `{"records":[${records.join(',')}]}`)
  return file
}

/** Writes the reply that the server gives to such a body, for the baseline to send. */
export function writeReply(folder: string, recordCount: number, reply: string): string {
  const file = join(folder, `reply-${recordCount}.json`)
  writeFileSync(file, reply)
  return file
}

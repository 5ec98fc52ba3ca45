import { createHash } from 'node:crypto'

/*
 * What publishers send while the server crashes under them: everything follows from the publisher's name and the number of
 * the record, so that a record of the log says by itself whose it is, and whether it is as it was sent.
 */

export interface LoadRecord {
  readonly key: string
  /** JSON text, which is stored and read back byte for byte. */
  readonly value: string
}

export interface Origin {
  readonly publisher: string
  readonly number: number
}

const KEYS_A_PUBLISHER = 40
const filling = createHash('sha512').update('filling').digest('hex').repeat(1000)

/** Most are small; some go to their segment directly rather than through the journal. What nothing removes is small. */
function noteLength({ publisher, number }: Origin): number {
  if (publisher.startsWith('small-')) return 20 + (number % 60)
  if (number % 401 === 400) return 90_000
  if (number % 41 === 40) return 9000
  return 40 + ((number * 37) % 700)
}

/** Keys come again and again, so that compaction has something to do. */
export function loadRecord({ publisher, number }: Origin): LoadRecord {
  const note = filling.slice(0, noteLength({ publisher, number }))
  return {
    key: keyOf({ publisher, number }),
    value: `{"publisher":"${publisher}","number":${number},"note":"${note}"}`,
  }
}

export function keyOf({ publisher, number }: Origin): string {
  return `${publisher}/${number % KEYS_A_PUBLISHER}`
}

/** undefined for what no publisher sent. */
export function originOf(value: string): Origin | undefined {
  const [, publisher, number] = /^\{"publisher":"([^"]+)","number":(\d+),/.exec(value) ?? []
  return publisher === undefined ? undefined : { publisher, number: Number(number) }
}

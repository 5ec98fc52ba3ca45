import { MINUS, NINE, ZERO } from './json-bytes.ts'
import { excerpt } from './body-excerpt.ts'
import { jsonType, type RecordPart } from './record-part.ts'

/** Timestamps up to this, in 1973 as milliseconds and in the year 5138 as seconds, are taken for seconds. */
export const SECONDS_MAX = 1e11
export const MAX_PARTITION = 2 ** 31 - 1
/** So many digits are exact in a double, whatever they are. */
const EXACT_DIGITS = 15

/** A part's value if it is a JSON number, else NaN. */
export function numberOf(part: RecordPart, body: Buffer): number {
  const { start, end } = part
  if (end - start > EXACT_DIGITS) return slowNumber(part, body)
  let value = 0
  for (let at = start; at < end; at++) {
    const byte = body[at]!
    if (byte < ZERO || byte > NINE) return slowNumber(part, body)
    value = value * 10 + byte - ZERO
  }
  return value
}

function slowNumber(part: RecordPart, body: Buffer): number {
  const isNumber = part.kind === MINUS || (part.kind >= ZERO && part.kind <= NINE)
  return isNumber ? Number(body.toString('latin1', part.start, part.end)) : Number.NaN
}

/** Why a record cannot have this timestamp, and the remedy. */
export function timestampFault(part: RecordPart, value: number, body: Buffer): string | undefined {
  if (value === -1 || value === 0 || (value > SECONDS_MAX && Number.isSafeInteger(value))) return undefined
  const text = excerpt(body, part.start, part.end)
  if (value >= 1 && value <= SECONDS_MAX) {
    return `${text} looks like seconds. Timestamps are Unix milliseconds: ${Math.round(value * 1000)}.`
  }
  if (value < 0)
    return `${text} is negative. Timestamps are Unix milliseconds; −1 or no timestamp means the time of arrival.`
  const rule = `A timestamp is an integer of Unix milliseconds, at most ${Number.MAX_SAFE_INTEGER}`
  if (!Number.isNaN(value)) return `${text} is out of range or not an integer. ${rule}.`
  const time = Date.parse(text.slice(1, -1))
  return `${text} is ${jsonType(part.kind)}. ${rule}${Number.isNaN(time) ? '' : `: ${time}`}.`
}

/** Why a record cannot name this partition, and the remedy; whether the topic has it is checked later. */
export function partitionFault(part: RecordPart, value: number, body: Buffer): string | undefined {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_PARTITION) return undefined
  const text = excerpt(body, part.start, part.end)
  return `${text} is not a partition. It is an integer from 0; leave it out to have it chosen by the key.`
}

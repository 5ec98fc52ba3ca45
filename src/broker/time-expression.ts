import { BrokerError } from './broker-error.ts'
import type { OffsetSpec } from './engine.ts'

const integer = /^\d{1,16}$/
const relative = /^-(\d{1,12})(ms|s|m|h|d|w)$/
const isoDate = /^\d{4}-\d{2}-\d{2}$/
const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/i

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Milliseconds below this and above 0 are almost surely seconds: as milliseconds they end in March 1973. */
export const SECONDS_SUSPECTED_BELOW_MS = 100_000_000_000

const accepted =
  'Give Unix milliseconds, ISO 8601 with a zone such as 2026-01-31T12:00:00Z, or a time back from now such as -15m'

/**
 * A time of a query parameter as Unix milliseconds: an integer, ISO 8601 (a date alone is its UTC midnight; a space
 * counts as the `+` that form decoding turned into it), or `-15m` back from now (ms, s, m, h, d, w).
 *
 * @param name the query parameter, or the pointer of a body's member such as `/to`; for the message
 */
export function parseTime(text: string, nowMs: number, name: string): number {
  if (integer.test(text)) return checkedMs(Number(text), text, name)
  const back = relative.exec(text)
  if (back !== null) return Math.max(0, nowMs - Number(back[1]) * (unitMs[back[2] ?? ''] ?? 1))
  return parseIso(text, name)
}

/** `earliest`, `latest` or a time. */
export function parsePosition(text: string, nowMs: number, name: string): OffsetSpec {
  if (text === 'earliest' || text === 'latest') return text
  return parseTime(text, nowMs, name)
}

function checkedMs(ms: number, text: string, name: string): number {
  if (ms > Number.MAX_SAFE_INTEGER) throw invalidTime(name, text, `it is above 2^53 − 1. ${accepted}`)
  if (ms > 0 && ms < SECONDS_SUSPECTED_BELOW_MS) {
    throw invalidTime(name, text, `it looks like seconds; timestamps are milliseconds: send ${ms * 1000}`)
  }
  return ms
}

function parseIso(text: string, name: string): number {
  const spelled = text.trim().replace(' ', '+')
  if (isoDate.test(spelled)) return checkedDate(Date.parse(spelled), spelled, text, name)
  const match = isoTime.exec(spelled)
  if (match === null) throw invalidTime(name, text, `it is no time. ${accepted}`)
  const zone = match[1]
  if (zone === undefined) throw invalidTime(name, text, 'it names no zone: end it with Z or an offset such as +02:00')
  const time = spelled.slice(0, spelled.length - zone.length).replace(',', '.')
  return checkedDate(Date.parse(`${time}${normalZone(zone)}`), spelled, text, name)
}

function normalZone(zone: string): string {
  if (zone === 'z' || zone === 'Z') return 'Z'
  if (zone.length === 3) return `${zone}:00`
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`
}

function checkedDate(ms: number, spelled: string, text: string, name: string): number {
  if (Number.isNaN(ms) || !isCalendarDate(spelled.slice(0, 10)))
    throw invalidTime(name, text, `there is no such date. ${accepted}`)
  if (ms < 0) throw invalidTime(name, text, 'it is before 1970')
  return ms
}

/** Date.parse takes 30 February for 2 March. */
function isCalendarDate(date: string): boolean {
  const ms = Date.parse(date)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date)
}

function invalidTime(name: string, text: string, why: string): BrokerError {
  const shown = text.length <= 64 ? text : `${text.slice(0, 60)}…`
  const member = name.startsWith('/')
  const subject = member ? `The member "${name.slice(1)}"` : `The parameter "${name}"`
  const detail = `${subject} has the value ${JSON.stringify(shown)}: ${why}.`
  return new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer: member ? name : `?${name}`, detail }] })
}

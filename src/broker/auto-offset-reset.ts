import { BrokerError } from './broker-error.ts'
import type { OffsetSpec } from './engine.ts'

/**
 * Where a group reads on in a partition without a usable position: Kafka's `auto.offset.reset` with KIP-1106's
 * `by_duration:<ISO 8601>`. `none`: it does not, and the client is told.
 */
export type AutoOffsetReset = { readonly at: OffsetSpec } | 'none'

export const DEFAULT_AUTO_OFFSET_RESET = 'earliest'

const durationPrefix = 'by_duration:'
/** As `java.time.Duration` writes it: days, then hours, minutes and seconds behind the T. */
const duration =
  /^P(?=[\dT])(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,11})(?:[.,](\d{1,9}))?S)?)?$/i

/** @param pointer where the request has it */
export function parseAutoOffsetReset(text: string, nowMs: number, pointer = '?autoOffsetReset'): AutoOffsetReset {
  if (text === 'none') return 'none'
  if (text === 'earliest' || text === 'latest') return { at: text }
  const match = text.startsWith(durationPrefix) ? duration.exec(text.slice(durationPrefix.length)) : null
  if (match === null) throw malformed(text, pointer)
  return { at: Math.max(0, nowMs - durationMs(match)) }
}

function durationMs(match: RegExpExecArray): number {
  const [, days = '0', hours = '0', minutes = '0', seconds = '0', fraction = ''] = match
  const wholeSeconds = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
  return wholeSeconds * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3))
}

function malformed(text: string, pointer: string): BrokerError {
  const shown = text.length <= 64 ? text : `${text.slice(0, 60)}…`
  const detail =
    `"autoOffsetReset" has the value ${JSON.stringify(shown)}: ` +
    'give earliest, latest, none, or by_duration: with an ISO 8601 duration such as by_duration:PT1H or by_duration:P1DT12H.'
  return new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer, detail }] })
}

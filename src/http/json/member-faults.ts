import { excerpt } from './body-excerpt.ts'
import { LOWER_N, QUOTE } from './json-bytes.ts'
import { nearMiss } from '../../broker/near-miss.ts'
import type { RecordPart } from './record-part.ts'

const base64Text = Buffer.from('"base64"')

/** @param owner what has the members, with its article: `A record` */
export function unknownMember(name: string, known: readonly string[], owner: string): string {
  const near = nearMiss(name, known)
  const question = near === undefined ? '' : ` Did you mean "${near}"?`
  return `Unknown member "${shown(name)}".${question} ${owner} has ${known.join(', ')}.`
}

export function repeatedMember(name: string): string {
  return `The member "${shown(name)}" is there twice, and parsers differ in which one counts. Send it once.`
}

/** Why a `keyEncoding` or `valueEncoding` is refused; undefined if it is base64, or null, which means absent. */
export function encodingFault(part: RecordPart, body: Buffer): string | undefined {
  if (part.kind === LOWER_N) return undefined
  const text = part.kind === QUOTE ? body.subarray(part.start, part.end) : undefined
  if (text?.equals(base64Text) === true) return undefined
  return `${excerpt(body, part.start, part.end)} is not an encoding. The only one is "base64"; leave it out for text and JSON.`
}

function shown(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80).toWellFormed()}…` : name
}

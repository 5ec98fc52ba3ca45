import { BrokerError } from '../../broker/broker-error.ts'
import { jsonPointer } from './body-excerpt.ts'
import { OPEN_BRACE, OPEN_BRACKET } from './json-bytes.ts'
import { END } from './json-scanner.ts'
import { repeatedMember } from './member-faults.ts'
import { MemberNames } from './member-names.ts'
import { RecordPart } from './record-part.ts'
import { RequestCursor } from './request-cursor.ts'

const anyName = new MemberNames([])

/**
 * The value of a body that holds no records. What JSON.parse would take in silence is refused: a repeated member, of
 * which the last would count, bytes that are not UTF-8, and nesting without end.
 */
export function parseControlBody(body: Buffer): unknown {
  const cursor = new RequestCursor(body)
  if (cursor.next() === END) cursor.refuse('The body is empty; send a JSON object.', '')
  const whole = new RecordPart()
  // Checks the syntax and limits the depth of what follows.
  cursor.take(whole)
  cursor.end()
  if (whole.hasLoneSurrogate)
    cursor.refuse('A string has a surrogate escape without its partner, which has no UTF-8.', '')
  refuseRepeatedMembers(new RequestCursor(body), [])
  const value: unknown = JSON.parse(body.toString('utf8', whole.start, whole.end))
  return value
}

function refuseRepeatedMembers(cursor: RequestCursor, path: (string | number)[]): void {
  const first = cursor.next()
  if (first === OPEN_BRACE) {
    const seen = new Set<string>()
    for (let more = cursor.enterObject(); more; more = cursor.nextMember()) {
      cursor.readName(anyName)
      const name = cursor.nameText()
      if (seen.has(name)) throw repeated(name, jsonPointer(...path, name))
      seen.add(name)
      refuseRepeatedMembers(cursor, [...path, name])
    }
  } else if (first === OPEN_BRACKET) {
    let index = 0
    for (let more = cursor.enterArray(); more; more = cursor.nextElement()) {
      refuseRepeatedMembers(cursor, [...path, index])
      index += 1
    }
  } else cursor.take(new RecordPart())
}

function repeated(name: string, pointer: string): BrokerError {
  const detail = repeatedMember(name)
  return new BrokerError('INVALID_REQUEST', `${pointer}: ${detail}`, { stored: 'no', errors: [{ pointer, detail }] })
}

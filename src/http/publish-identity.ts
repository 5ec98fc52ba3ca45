import type { FastifyRequest } from 'fastify'
import { BrokerError, type FieldError } from '../broker/broker-error.ts'
import type { Fingerprint, PublishIdentity } from '../broker/publish-claim.ts'
import { requestFingerprint } from '../broker/request-fingerprint.ts'

export const PRODUCER_ID_MAX_LENGTH = 128
export const PRODUCER_EPOCH_MAX = 32_767
export const IDEMPOTENCY_KEY_MAX_LENGTH = 255

/** No blank and no comma with a blank: a header that was given twice, which arrives joined by them, is never a value. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/
const DIGITS = /^(0|[1-9]\d{0,15})$/

type IdentityHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * The identity that the headers of a publish request give it; undefined where they give none. Call it before the body is
 * parsed, which decodes it in place. Throws INVALID_REQUEST, `stored: no`, where the headers are not in order.
 *
 * @param body decoded, as the client meant it
 */
export function identityOf(request: FastifyRequest, body: Buffer): PublishIdentity | undefined {
  const { headers } = request
  if (!hasIdentity(headers)) return undefined
  const key = headers['idempotency-key']
  if (key === undefined) {
    const { producerId, epoch, sequence } = sequenceOf(headers)
    return { kind: 'sequence', producerId, epoch, sequence, fingerprint: fingerprintOf(request, body) }
  }
  refuseBoth(headers)
  return {
    kind: 'key',
    key: text('Idempotency-Key', key, IDEMPOTENCY_KEY_MAX_LENGTH),
    fingerprint: fingerprintOf(request, body),
  }
}

/** For a path whose requests cannot be known again. */
export function refuseIdentity({ headers }: Pick<FastifyRequest, 'headers'>, remedy: string): void {
  if (!hasIdentity(headers)) return
  const pointer = identityHeaders.find((name) => headers[name.toLowerCase()] !== undefined) ?? 'Producer-Id'
  throw faulty(pointer, `The header ${pointer} is not taken on this path: ${remedy}`)
}

/** An id that a producer can have. Throws INVALID_REQUEST. */
export function checkedProducerId(name: string, value: string): string {
  return text(name, value, PRODUCER_ID_MAX_LENGTH)
}

const identityHeaders = ['Producer-Id', 'Producer-Epoch', 'Producer-Sequence', 'Idempotency-Key'] as const

function hasIdentity(headers: IdentityHeaders): boolean {
  return (
    headers['producer-id'] !== undefined ||
    headers['idempotency-key'] !== undefined ||
    headers['producer-sequence'] !== undefined ||
    headers['producer-epoch'] !== undefined
  )
}

function sequenceOf(headers: IdentityHeaders): { producerId: string; epoch: number; sequence: number } {
  const id = headers['producer-id']
  const epoch = headers['producer-epoch']
  const sequence = headers['producer-sequence']
  if (id === undefined) {
    const given = sequence === undefined ? 'Producer-Epoch' : 'Producer-Sequence'
    throw faulty('Producer-Id', `There is a ${given}, but no Producer-Id: say whose it is.`)
  }
  if (sequence === undefined) {
    const detail =
      'There is a Producer-Id, but no Producer-Sequence: count the requests to this topic from 0, and give each its number.'
    throw faulty('Producer-Sequence', detail)
  }
  return {
    producerId: checkedProducerId('Producer-Id', single(id)),
    epoch: epoch === undefined ? 0 : integer('Producer-Epoch', single(epoch), PRODUCER_EPOCH_MAX),
    sequence: integer('Producer-Sequence', single(sequence), Number.MAX_SAFE_INTEGER),
  }
}

function refuseBoth(headers: IdentityHeaders): void {
  const other = identityHeaders.find((name) => name !== 'Idempotency-Key' && headers[name.toLowerCase()] !== undefined)
  if (other === undefined) return
  const detail =
    `There are an Idempotency-Key and a ${other}: send Producer-Id with Producer-Sequence from a producer that counts its ` +
    'requests, or an Idempotency-Key for a single one.'
  throw faulty('Idempotency-Key', detail)
}

/** Node joins what is given twice, as it does with all headers it does not know. */
function single(value: string | string[]): string {
  return typeof value === 'string' ? value : value.join(', ')
}

function text(name: string, value: string | string[], maxLength: number): string {
  const given = single(value)
  if (given.length <= maxLength && VISIBLE_ASCII.test(given)) return given
  const detail =
    `${name} is ${shown(given)}: it must be 1 to ${maxLength} visible ASCII characters (! to ~, no blanks), and be given ` +
    'once. Send other text percent-encoded.'
  throw faulty(name, detail)
}

function integer(name: string, given: string, max: number): number {
  const value = DIGITS.test(given) ? Number(given) : Infinity
  if (value <= max) return value
  throw faulty(name, `${name} is ${shown(given)}: it must be an integer from 0 to ${max}, and be given once.`)
}

function fingerprintOf({ raw, headers }: FastifyRequest, body: Buffer): Fingerprint {
  return requestFingerprint(`${raw.url ?? ''}\n${mediaTypeOf(headers['content-type'])}`, body)
}

/** Without parameters: a `charset` never matters. */
function mediaTypeOf(contentType = ''): string {
  if (contentType === 'application/json') return contentType
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function faulty(pointer: string, detail: string): BrokerError {
  const errors: FieldError[] = [{ pointer, detail }]
  return new BrokerError('INVALID_REQUEST', detail, { stored: 'no', errors })
}

function shown(given: string): string {
  const json = JSON.stringify(given)
  return json.length <= 80 ? json : `${json.slice(0, 76)}…`
}

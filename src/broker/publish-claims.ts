import { murmur2 } from '../codec/murmur2.ts'
import { BrokerError, type Stored } from './broker-error.ts'
import type { Acks } from './append-request.ts'
import type { ErrorCode } from './error-catalogue.ts'
import type { PublishIdentity } from './publish-claim.ts'

/**
 * What may be stored of a request whose identity was not taken: an earlier try of it, of which nothing is known any more.
 * To say `no` would invite its client to send the records as new ones.
 */
const perhapsStored: ReadonlySet<ErrorCode> = new Set([
  'DUPLICATE_SEQUENCE_NUMBER',
  'PRODUCER_FENCED',
  'UNKNOWN_PRODUCER_ID',
])

/** What rejects before the answer of an append was judged has stored nothing (see Engine.append). */
export function refused(error: unknown): unknown {
  if (!(error instanceof BrokerError) || error.options.stored !== undefined) return error
  const stored: Stored = perhapsStored.has(error.code) ? 'unknown' : 'no'
  return new BrokerError(error.code, error.message, { ...error.options, stored, cause: error })
}

/** What is answered before it is durable could not be promised not to be stored twice. */
export function requireAcksAll(acks: Acks): void {
  if (acks === 'all') return
  const detail = `acks=${acks} does not go with Producer-Id or Idempotency-Key: leave acks out, or give acks=all.`
  throw new BrokerError('INVALID_REQUIRED_ACKS', detail, { stored: 'no', errors: [{ pointer: '?acks', detail }] })
}

/** Longer than any id or key with its number. */
const identityBytes = Buffer.allocUnsafeSlow(1024)

/** Where the records without a key go: to the same partition each time the request is sent. */
export function keylessPartition(identity: PublishIdentity, partitionCount: number): number {
  const text = identity.kind === 'key' ? identity.key : `${identity.sequence} ${identity.producerId}`
  const length = identityBytes.write(text)
  return (murmur2(identityBytes, 0, length) & 0x7fff_ffff) % partitionCount
}

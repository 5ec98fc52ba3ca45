import type { Fingerprint, PublishIdentity } from './publish-claim.ts'
import { expectedSequence, REQUESTS_REMEMBERED, type KnownProducer, type RememberedRequest } from './known-producer.ts'

/** What becomes of a request that says who it is. */
export type Verdict =
  /** All of it is durable. */
  | { readonly kind: 'complete'; readonly request: RememberedRequest }
  /** It may be stored, or completed where it is known already, once nobody else of its identity is at it. */
  | { readonly kind: 'append'; readonly known: RememberedRequest | undefined }
  /** It came before its predecessor, which may be on its way. */
  | { readonly kind: 'early'; readonly expected: number }
  /** Its predecessor would have to be the first of a producer that is not known. */
  | { readonly kind: 'early-of-unknown' }
  /** Its predecessors cannot be on their way: there would be too many. */
  | { readonly kind: 'out-of-order'; readonly expected: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fenced'; readonly epoch: number }
  | { readonly kind: 'mismatch' }
  /** Older than what is remembered. */
  | { readonly kind: 'forgotten' }

/** The rules, from what is durable alone. */
export function verdictOn(identity: PublishIdentity, known: KnownProducer | undefined): Verdict {
  if (identity.kind === 'key')
    return known ? ofRemembered(known.request(0), identity.fingerprint) : { kind: 'append', known }
  const { epoch, sequence } = identity
  if (!known) {
    if (sequence === 0) return { kind: 'append', known: undefined }
    return { kind: sequence < REQUESTS_REMEMBERED ? 'early-of-unknown' : 'unknown' }
  }
  if (epoch < known.epoch) return { kind: 'fenced', epoch: known.epoch }
  if (epoch > known.epoch) return ofNext(sequence, 0)
  const expected = expectedSequence(known)
  if (sequence > known.lastSequence) return ofNext(sequence, expected)
  return ofRemembered(known.request(sequence), identity.fingerprint, sequence === known.lastSequence)
}

function ofNext(sequence: number, expected: number): Verdict {
  if (sequence === expected) return { kind: 'append', known: undefined }
  return { kind: sequence < expected + REQUESTS_REMEMBERED ? 'early' : 'out-of-order', expected }
}

function ofRemembered(request: RememberedRequest | undefined, fingerprint: Fingerprint, isNewest = true): Verdict {
  if (!request) return { kind: 'forgotten' }
  if (!request.fingerprint.equals(fingerprint)) return { kind: 'mismatch' }
  if (request.missing.length === 0) return { kind: 'complete', request }
  // Its successor came behind all of it: what is missing is not the records but the knowledge where they are.
  return isNewest ? { kind: 'append', known: request } : { kind: 'forgotten' }
}

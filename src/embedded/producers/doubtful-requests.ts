import type { PublishIdentity } from '../../broker/publish-claim.ts'
import type { KnownProducer, RememberedRequest } from '../../broker/known-producer.ts'
import { withParts } from './remembered-parts.ts'
import type { RequestFacts } from './request-facts.ts'

/** A request of which some parts may be on the disk and may not: their directory failed while they were written. */
export interface DoubtfulRequest {
  readonly bornMs: number
  readonly epoch: number
  /** As it was tried. */
  readonly request: RememberedRequest
  /** These are not tried again before a restart has shown whether they are there. */
  readonly inDoubt: ReadonlySet<number>
}

/** @param facts with what is known to be stored of it */
export function doubtfulRequest(facts: RequestFacts, inDoubt: ReadonlySet<number>): DoubtfulRequest {
  return { bornMs: facts.bornMs, epoch: facts.epoch, request: withParts(undefined, facts), inDoubt }
}

/**
 * What is known of a producer, a doubtful request included: it is not durable, and yet nobody else may take its place.
 */
export function withDoubt(known: KnownProducer | undefined, doubt: DoubtfulRequest): KnownProducer {
  const { bornMs, epoch, request } = doubt
  return {
    bornMs,
    epoch,
    lastSequence: request.sequence,
    lastIsComplete: false,
    request(sequence) {
      const remembered = known?.epoch === epoch ? known.request(sequence) : undefined
      return remembered ?? (sequence === request.sequence ? request : undefined)
    },
  }
}

/** The producer has gone on in another epoch, or another life; or it was found out that the request is stored. */
export function isBehind({ bornMs, epoch, request }: DoubtfulRequest, known: KnownProducer): boolean {
  if (known.bornMs !== bornMs) return known.bornMs > bornMs
  if (known.epoch !== epoch) return known.epoch > epoch
  if (known.lastSequence !== request.sequence) return known.lastSequence > request.sequence
  return known.lastIsComplete
}

/** Whether the doubt is about the very request that comes now. */
export function isAbout(doubt: DoubtfulRequest | undefined, identity: PublishIdentity): doubt is DoubtfulRequest {
  if (!doubt || !doubt.request.fingerprint.equals(identity.fingerprint)) return false
  return identity.kind === 'key' || (doubt.epoch === identity.epoch && doubt.request.sequence === identity.sequence)
}

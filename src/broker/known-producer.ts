import type { Fingerprint, StoredPart } from './publish-claim.ts'

/** A request that is remembered. */
export interface RememberedRequest {
  /** 0 under an Idempotency-Key. */
  readonly sequence: number
  readonly fingerprint: Fingerprint
  /** Of the topic when the request first came. */
  readonly partitionCount: number
  /** Unix milliseconds, when the request first came. */
  readonly arrivedMs: number
  readonly stored: readonly StoredPart[]
  /** Partitions that the request has records for, and that are not known to have them. */
  readonly missing: readonly number[]
}

/** What is known of a producer in a topic, or of an Idempotency-Key: then one request of epoch 0, sequence 0. */
export interface KnownProducer {
  /** Of the life that began with its first request: greater than that of an earlier life, which expired. */
  readonly bornMs: number
  readonly epoch: number
  /** Of its newest request in this epoch. */
  readonly lastSequence: number
  /** All of its newest request is durable. */
  readonly lastIsComplete: boolean
  /** One of its newest five. */
  request(sequence: number): RememberedRequest | undefined
}

/** As many requests of a producer may be in flight, and are remembered. */
export const REQUESTS_REMEMBERED = 5

/** The sequence that the producer's next request has, or the one that has to be completed before. */
export function expectedSequence(known: KnownProducer | undefined): number {
  if (!known) return 0
  return known.lastIsComplete ? known.lastSequence + 1 : known.lastSequence
}

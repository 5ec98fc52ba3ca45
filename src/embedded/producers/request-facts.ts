import type { Fingerprint, PublishIdentity, StoredPart } from '../../broker/publish-claim.ts'
import { producerDigest } from '../../broker/producer-digest.ts'
import { shortDigest } from '../../broker/short-digest.ts'

export const IDENTITY_HASH_BYTES = 16

/** By what the engine knows a producer or key again. */
export interface ProducerKey {
  readonly topicId: string
  readonly kind: PublishIdentity['kind']
  /** The first 16 bytes of SHA-256 of the producer's id or of the key. */
  readonly identityHash: Buffer
}

/** What is written of one request, with those of its parts that went to one log directory. */
export interface RequestFacts extends ProducerKey {
  /** See `KnownProducer.bornMs`. */
  readonly bornMs: number
  readonly epoch: number
  readonly sequence: number
  readonly fingerprint: Fingerprint
  readonly partitionCount: number
  readonly arrivedMs: number
  /** All that the request has records for, in every directory. */
  readonly partitions: readonly number[]
  readonly stored: readonly StoredPart[]
}

/** A request that says who it is, before any of it is stored. */
export interface RequestOrigin {
  readonly key: ProducerKey
  readonly identity: PublishIdentity
  readonly bornMs: number
  readonly partitionCount: number
  readonly arrivedMs: number
}

/**
 * @param partitions all that the request has records for
 * @param stored what one directory has of it
 */
export function requestFacts(
  { key, identity, bornMs, partitionCount, arrivedMs }: RequestOrigin,
  partitions: readonly number[],
  stored: readonly StoredPart[],
): RequestFacts {
  const { topicId, kind, identityHash } = key
  const { fingerprint } = identity
  // A key has one request.
  const epoch = identity.kind === 'sequence' ? identity.epoch : 0
  const sequence = identity.kind === 'sequence' ? identity.sequence : 0
  return {
    topicId,
    kind,
    identityHash,
    bornMs,
    epoch,
    sequence,
    fingerprint,
    partitionCount,
    arrivedMs,
    partitions,
    stored,
  }
}

/** The part of an identity that all requests of its producer share. */
export type ProducerName =
  | Pick<Extract<PublishIdentity, { kind: 'sequence' }>, 'kind' | 'producerId'>
  | Pick<Extract<PublishIdentity, { kind: 'key' }>, 'kind' | 'key'>

export function producerKey(topicId: string, identity: ProducerName): ProducerKey {
  const { kind } = identity
  return {
    topicId,
    kind,
    identityHash: kind === 'key' ? shortDigest(identity.key) : producerDigest(identity.producerId).bytes,
  }
}

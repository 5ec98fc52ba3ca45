import type { BatchProducer } from '../codec/record-batch.ts'
import type { PublishIdentity } from './publish-claim.ts'
import { producerDigest } from './producer-digest.ts'

const SEQUENCE_BITS = 31

/**
 * What the batches of a request say of their producer, for Kafka's tools to show; nothing is decided by it. A request
 * under an Idempotency-Key has none.
 */
export function batchProducerOf(identity: PublishIdentity): BatchProducer | undefined {
  if (identity.kind === 'key') return undefined
  const { producerId, epoch, sequence } = identity
  return { id: numericProducerId(producerId), epoch, sequence: sequence % 2 ** SEQUENCE_BITS }
}

/** The first 63 bits of its SHA-256: never −1, which means none. */
export function numericProducerId(producerId: string): bigint {
  return producerDigest(producerId).number
}

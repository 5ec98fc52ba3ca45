import type { RememberedRequest } from '../../broker/known-producer.ts'
import type { RequestFacts } from './request-facts.ts'

/** What is known of a request, with what is known of it now. */
export function withParts(known: RememberedRequest | undefined, facts: RequestFacts): RememberedRequest {
  const { sequence, fingerprint, partitionCount, arrivedMs, partitions } = facts
  if (!known && facts.stored.length === partitions.length) {
    return { sequence, fingerprint, partitionCount, arrivedMs, stored: facts.stored, missing: [] }
  }
  const parts = new Map([...facts.stored, ...(known?.stored ?? [])].map((part) => [part.partition, part]))
  const missing = partitions.filter((partition) => !parts.has(partition))
  return { sequence, fingerprint, partitionCount, arrivedMs, stored: [...parts.values()], missing }
}

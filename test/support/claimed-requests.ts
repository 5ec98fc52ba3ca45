import { createHash } from 'node:crypto'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { Producers, PublishIdentity } from '../../src/broker/publish-claim.ts'
import { CLAIMED_TOPIC } from './claimed-logs.ts'
import { batchOf } from './engine-records.ts'

/** Values by partition. */
export type ClaimedValues = ReadonlyMap<number, readonly string[]>

/** First offset by partition. */
export type Placed = ReadonlyMap<number, number>

export function fingerprintOf(values: ClaimedValues): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([...values]))
    .digest()
    .subarray(0, 16)
}

export function sequenceIdentity(
  producerId: string,
  sequence: number,
  values: ClaimedValues,
  epoch = 0,
): PublishIdentity {
  return { kind: 'sequence', producerId, epoch, sequence, fingerprint: fingerprintOf(values) }
}

export function keyIdentity(key: string, values: ClaimedValues): PublishIdentity {
  return { kind: 'key', key, fingerprint: fingerprintOf(values) }
}

/** As the broker does it: claims, stores what is missing, and answers where all of it is. Rejects unless all is stored. */
export async function publishClaimed(
  { producers }: { readonly producers: Pick<Producers, 'claim'> },
  identity: PublishIdentity,
  values: ClaimedValues,
  topic = CLAIMED_TOPIC,
): Promise<Placed> {
  const claim = await producers.claim(topic, identity)
  const placed = new Map(claim.stored.map(({ partition, baseOffset }) => [partition, baseOffset]))
  if (claim.isComplete) return placed
  const missing = [...values.keys()].filter((partition) => !placed.has(partition))
  const parts = missing.map((partition) => ({ partition, batches: [batchOf(values.get(partition) ?? [])] }))
  const appended = await claim.append(parts, [...values.keys()])
  for (const { partition, baseOffset, error } of appended.parts) {
    if (error) throw new BrokerError(error.code, error.message, { ...error.options, stored: 'partial' })
    placed.set(partition, baseOffset)
  }
  return placed
}

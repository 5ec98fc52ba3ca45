import type { PublishIdentity } from '../../broker/publish-claim.ts'
import { shortDigest } from '../../broker/short-digest.ts'

export type LedgerKind = PublishIdentity['kind']

/** All gateways share requests out by it: it never changes, also where somebody gives a ledger more partitions. */
export const LEDGER_PARTITIONS = 16
/**
 * Keys come and go, and the cluster remembers a transactional id for days: so many of them are shared by all keys. Two keys
 * under one are stored one after the other; with so many that is rare.
 */
const KEY_IDS_PER_PARTITION = 256

/** Of a producer in a topic, or of an Idempotency-Key in one: there is one entry of it in the ledger. */
export interface RequestName {
  readonly kind: LedgerKind
  /** The key of its records in the ledger. */
  readonly text: string
  /** Sixteen bytes that are as good as the text. */
  readonly digest: Buffer
  /** Of the ledger. */
  readonly partition: number
  /** Who stores under it has it for itself, and whoever opens it next fences that one. */
  readonly transactionalId: string
}

/** Neither topic ids nor what clients may send have blanks in them, so that texts of different ones differ. */
export function requestName(
  topicId: string,
  identity: { readonly kind: 'key'; readonly key: string } | { readonly kind: 'sequence'; readonly producerId: string },
): RequestName {
  const { kind } = identity
  const text = kind === 'key' ? `${topicId} key ${identity.key}` : `${topicId} producer ${identity.producerId}`
  const digest = shortDigest(text)
  // All names of a transactional id are in one partition: who opened it and then read that one knows all of them.
  const place = digest.readUInt32LE(0) % (LEDGER_PARTITIONS * KEY_IDS_PER_PARTITION)
  const id = kind === 'key' ? `key-${place}` : digest.toString('base64url')
  return { kind, text, digest, partition: place % LEDGER_PARTITIONS, transactionalId: `posthorn-${id}` }
}

import { SHORT_DIGEST_BYTES, shortDigest } from './short-digest.ts'

/** What the id of a producer becomes. */
export interface ProducerDigest {
  /** The first 16 bytes of its SHA-256. */
  readonly bytes: Buffer
  /** The first 63 bits of it: never −1, which means none. */
  readonly number: bigint
}

/** A producer sends many requests; of more producers than these at a time each costs a hash now and then. */
const REMEMBERED_MAX = 8192

const remembered = new Map<string, ProducerDigest>()
/** One piece of memory for all of them. */
let slab = Buffer.alloc(0)

export function producerDigest(producerId: string): ProducerDigest {
  const known = remembered.get(producerId)
  if (known !== undefined) return known
  if (remembered.size % REMEMBERED_MAX === 0) beginAnew()
  const at = remembered.size * SHORT_DIGEST_BYTES
  const bytes = slab.subarray(at, at + SHORT_DIGEST_BYTES)
  bytes.set(shortDigest(producerId))
  const made = { bytes, number: bytes.readBigUInt64BE(0) >> 1n }
  remembered.set(producerId, made)
  return made
}

/** In other memory: requests under way still hold what was remembered before. */
function beginAnew(): void {
  remembered.clear()
  slab = Buffer.allocUnsafeSlow(REMEMBERED_MAX * SHORT_DIGEST_BYTES)
}

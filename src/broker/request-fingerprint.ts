import { crc32 } from 'node:zlib'
import { crc32c } from '../codec/crc32c.ts'
import type { Fingerprint } from './publish-claim.ts'
import { shortDigest } from './short-digest.ts'

/*
 * Numbers are big-endian.
 *
 *    0  version  uint8   1: a change of anything below takes another, and no fingerprint of the one is one of the other
 *    1  head     3 bytes, the beginning of SHA-256 over path, query and media type
 *    4  length   uint32  of the body, its low 32 bits
 *    8  crc32c   uint32  of the body
 *   12  crc32    uint32  of the body, zlib's
 */
export const FINGERPRINT_BYTES = 16
const VERSION = 1

/** Heads change rarely: a client sends to few topics, in one way. */
const HEADS_MAX = 1024
const REMEMBERED_HEAD_MAX_LENGTH = 512
const headNumbers = new Map<string, number>()

/**
 * Tells a request from another one of the same identity: a guard against a client's own mistake, not against somebody
 * who looks for two bodies with the same one.
 *
 * @param head what the request says beside its body: path, query, media type
 */
export function requestFingerprint(head: string, body: Buffer): Fingerprint {
  const fingerprint = Buffer.allocUnsafe(FINGERPRINT_BYTES)
  fingerprint.writeUInt32BE(headNumberOf(head), 0)
  fingerprint.writeUInt32BE(body.length % 2 ** 32, 4)
  fingerprint.writeUInt32BE(crc32c(body), 8)
  fingerprint.writeUInt32BE(crc32(body), 12)
  return fingerprint
}

/** Version and digest in one. */
function headNumberOf(head: string): number {
  const known = headNumbers.get(head)
  if (known !== undefined) return known
  const made = VERSION * 2 ** 24 + shortDigest(head).readUIntBE(0, 3)
  if (head.length > REMEMBERED_HEAD_MAX_LENGTH) return made
  if (headNumbers.size >= HEADS_MAX) headNumbers.clear()
  headNumbers.set(head, made)
  return made
}

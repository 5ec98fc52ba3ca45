import { hash } from 'node:crypto'

export const SHORT_DIGEST_BYTES = 16

/**
 * The first 16 bytes of the SHA-256. By way of a string: a buffer that node:crypto makes has memory of its own, which
 * costs the collector more than the hash does.
 */
export function shortDigest(data: string | Buffer): Buffer {
  return Buffer.from(hash('sha256', data, 'binary').slice(0, SHORT_DIGEST_BYTES), 'latin1')
}

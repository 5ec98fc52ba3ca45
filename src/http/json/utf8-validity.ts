import { isUtf8 } from 'node:buffer'

const WINDOW_BYTES = 4096

/** Position of the first byte that is not UTF-8 (RFC 3629), or −1. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  if (isUtf8(bytes)) return -1
  let at = 0
  while (at < bytes.length) {
    const end = characterStart(bytes, Math.min(at + WINDOW_BYTES, bytes.length))
    if (!isUtf8(bytes.subarray(at, end))) break
    at = end
  }
  while (isUtf8(bytes.subarray(at, at + sequenceBytes(bytes[at]!)))) at += sequenceBytes(bytes[at]!)
  return at
}

/** The nearest position at or before `at` where a character may begin. */
function characterStart(bytes: Uint8Array, at: number): number {
  if (at === bytes.length) return at
  let start = at
  while (at - start < 3 && (bytes[start]! & 0xc0) === 0x80) start--
  return start
}

function sequenceBytes(lead: number): number {
  if (lead < 0xe0) return lead < 0xc0 ? 1 : 2
  return lead < 0xf0 ? 3 : 4
}

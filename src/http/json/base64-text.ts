/** The value of each character of RFC 4648's standard alphabet; −1 for any other byte. */
const sextet = new Int8Array(256).fill(-1)
for (const [index, character] of Array.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
).entries()) {
  sextet[character.charCodeAt(0)] = index
}
const PADDING = 0x3d

/**
 * Why the text is not base64, or undefined if it is. Only the canonical form passes (RFC 4648 §3.2, §3.3, §3.5): the
 * standard alphabet, padded, no white space, unused bits zero; so equal bytes have one text.
 */
export function base64Fault(bytes: Uint8Array, start: number, end: number): string | undefined {
  let contentEnd = end
  while (contentEnd > start && end - contentEnd < 2 && bytes[contentEnd - 1] === PADDING) contentEnd--
  for (let at = start; at < contentEnd; at++) {
    if (sextet[bytes[at]!]! < 0) return `character ${at - start + 1} is not of the alphabet A–Z a–z 0–9 + /`
  }
  if ((end - start) % 4 !== 0) return `its length, ${end - start}, is not a multiple of 4 (is the padding "=" missing?)`
  const unusedBits = contentEnd === end ? 0 : end - contentEnd === 1 ? 0b11 : 0b1111
  if (contentEnd > start && (sextet[bytes[contentEnd - 1]!]! & unusedBits) !== 0)
    return 'its last character has unused bits that are not zero'
  return undefined
}

/** Decodes text that has no `base64Fault` in place, and returns the end of the bytes. */
export function decodeBase64InPlace(bytes: Uint8Array, start: number, end: number): number {
  let to = start
  for (let from = start; from < end; from += 4) {
    const third = bytes[from + 2]!
    const fourth = bytes[from + 3]!
    const group = (sextet[bytes[from]!]! << 18) | (sextet[bytes[from + 1]!]! << 12)
    bytes[to++] = group >> 16
    if (third === PADDING) break
    const low = group | (sextet[third]! << 6)
    bytes[to++] = low >> 8
    if (fourth === PADDING) break
    bytes[to++] = low | sextet[fourth]!
  }
  return to
}

const POLYNOMIAL = 0x82f63b78

/**
 * Which byte of so many has one bit that is not as it was, judged by the difference (XOR) of the CRC-32C stored and the
 * one computed; undefined if no single bit explains it. A CRC is linear: one bit's share in it depends on its distance
 * from the end alone. Bytes cut short or torn come to such a difference with a chance of 8 · lengthBytes / 2^32.
 */
export function flippedBit(difference: number, lengthBytes: number): number | undefined {
  if (difference === 0) return undefined
  const wanted = difference | 0
  // The shares of a byte's eight bits, first of the last byte, then of one further ahead each time.
  const shares = Int32Array.from({ length: 8 }, (_, bit) => advanced(1 << bit))
  for (let at = lengthBytes - 1; at >= 0; at--) {
    for (let bit = 0; bit < 8; bit++) {
      const share = shares[bit]!
      if (share === wanted) return at
      shares[bit] = table[share & 0xff]! ^ (share >>> 8)
    }
  }
  return undefined
}

function advanced(byte: number): number {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
}

const table = Int32Array.from({ length: 256 }, (_, byte) => advanced(byte))

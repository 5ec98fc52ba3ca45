/** Within so many zeros a difference is a hole that a power cut has left, not a change. */
const SECTOR_BYTES = 512

/** Where the first byte is that is not the same; −1 = nowhere. */
export function firstDifference(one: Buffer, other: Buffer): number {
  if (one.equals(other)) return -1
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at
  return length
}

/** Whether the sector around a byte is all zeros. */
export function isHole(bytes: Buffer, at: number): boolean {
  const from = at - (at % SECTOR_BYTES)
  return bytes.subarray(from, Math.min(from + SECTOR_BYTES, bytes.length)).every((byte) => byte === 0)
}

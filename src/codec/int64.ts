import assert from 'node:assert/strict'

/*
 * Big-endian int64 as JS numbers. Offsets and timestamps are at most 2^53 − 1 everywhere in the program; two 32-bit
 * reads are several times faster than a BigInt. A value beyond ±2^53 read here is not exact: whoever takes bytes from
 * outside (checkBatch) refuses it.
 */

const HIGH = 0x1_0000_0000

export function readInt64(buf: Buffer, at: number): number {
  return buf.readInt32BE(at) * HIGH + buf.readUInt32BE(at + 4)
}

export function writeInt64(buf: Buffer, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) assert.fail(`${value} is no whole number of at most 53 bits`)
  buf.writeInt32BE(Math.floor(value / HIGH), at)
  buf.writeInt32BE(value | 0, at + 4)
}

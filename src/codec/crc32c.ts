/*
 * CRC-32C (Castagnoli): reflected polynomial 0x82F63B78, initial value and final XOR 0xFFFFFFFF; `123456789` gives
 * 0xE3069283. Large inputs go to a native module that uses the processor's instruction; short ones, where the call
 * costs more than the work, and machines without the module use tables (slicing by 8).
 */

type NativeCrc32c = (bytes: Uint8Array, seed?: number) => number

/** Below this many bytes the tables are faster than the call into native code. */
const NATIVE_FROM_BYTES = 224

const native = await loadNative()
const tables = makeTables()

/** @param seed the CRC of the bytes before, to go on from */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  if (native === undefined || bytes.length < NATIVE_FROM_BYTES) return crc32cByTable(bytes, 0, bytes.length, seed)
  return native(bytes, seed)
}

/** The CRC of `bytes[start, end)`, without making a view where the span is short. */
export function crc32cOfSpan(bytes: Uint8Array, start: number, end: number): number {
  if (native === undefined || end - start < NATIVE_FROM_BYTES) return crc32cByTable(bytes, start, end, 0)
  return native(bytes.subarray(start, end))
}

/** The portable form; also what the tests hold the native one against. */
export function crc32cByTable(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const table = tables
  let crc = ~seed
  let at = start
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      table[0x700 | (low & 0xff)]! ^
      table[0x600 | ((low >>> 8) & 0xff)]! ^
      table[0x500 | ((low >>> 16) & 0xff)]! ^
      table[0x400 | (low >>> 24)]! ^
      table[0x300 | bytes[at + 4]!]! ^
      table[0x200 | bytes[at + 5]!]! ^
      table[0x100 | bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Eight tables of 256: table k advances a byte through k further zero bytes. */
function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    made[byte] = crc
  }
  for (let index = 256; index < made.length; index++) {
    const before = made[index - 256]!
    made[index] = made[before & 0xff]! ^ (before >>> 8)
  }
  return made
}

async function loadNative(): Promise<NativeCrc32c | undefined> {
  try {
    return (await import('@node-rs/crc32')).crc32c
  } catch {
    // The module ships one binary a platform; where there is none, the tables do.
    return undefined
  }
}

import type { StoredPart } from '../../broker/publish-claim.ts'
import { FINGERPRINT_BYTES } from '../../broker/request-fingerprint.ts'
import type { RememberedRequest } from '../../broker/known-producer.ts'

/*
 * A remembered request, as short as may be: what numbers a request has is mostly small, and times lie close together.
 * `number` is a varint (seven bits a byte, low group first), `signed` the same behind a zigzag.
 *
 *   fingerprint     16 bytes
 *   partitionCount  number
 *   arrivedMs       signed, counted from the producer's birth
 *   storedCount     number
 *   stored parts    partition number, baseOffset number, recordCount number,
 *                   logAppendTime number: 0 = none, else 1 + zigzag(counted from arrivedMs)
 *   missingCount    number
 *   missing         number each
 */
/** Counts and numbers of partitions have at most 32 bits, offsets and times 54. */
const COUNT_MAX_BYTES = 5
const LONG_MAX_BYTES = 8
const FIXED_MAX_BYTES = FINGERPRINT_BYTES + 3 * COUNT_MAX_BYTES + LONG_MAX_BYTES
const PART_MAX_BYTES = 2 * COUNT_MAX_BYTES + 2 * LONG_MAX_BYTES

export function packedRequestMaxBytes(partCount: number): number {
  return FIXED_MAX_BYTES + partCount * PART_MAX_BYTES
}

/** Writes from the beginning of `into`, which has room enough; returns the length. */
export function packRequest(into: Buffer, bornMs: number, request: Omit<RememberedRequest, 'sequence'>): number {
  const { fingerprint, partitionCount, arrivedMs, stored, missing } = request
  into.set(fingerprint, 0)
  let at = writeNumber(into, FINGERPRINT_BYTES, partitionCount)
  at = writeNumber(into, at, zigzag(arrivedMs - bornMs))
  at = writeNumber(into, at, stored.length)
  for (const { partition, baseOffset, lastOffset, logAppendTime } of stored) {
    at = writeNumber(into, at, partition)
    at = writeNumber(into, at, baseOffset)
    at = writeNumber(into, at, lastOffset - baseOffset + 1)
    at = writeNumber(into, at, logAppendTime < 0 ? 0 : 1 + zigzag(logAppendTime - arrivedMs))
  }
  at = writeNumber(into, at, missing.length)
  for (const partition of missing) at = writeNumber(into, at, partition)
  return at
}

/** Of what `packRequest` wrote, whatever is behind it. */
export function unpackRequest(bytes: Buffer, bornMs: number, sequence: number): RememberedRequest {
  const reader = new NumberReader(bytes, FINGERPRINT_BYTES)
  const partitionCount = reader.next()
  const arrivedMs = bornMs + unzigzag(reader.next())
  const stored: StoredPart[] = []
  for (let left = reader.next(); left > 0; left--) {
    const partition = reader.next()
    const baseOffset = reader.next()
    const lastOffset = baseOffset + reader.next() - 1
    const time = reader.next()
    stored.push({ partition, baseOffset, lastOffset, logAppendTime: time === 0 ? -1 : arrivedMs + unzigzag(time - 1) })
  }
  const missing: number[] = []
  for (let left = reader.next(); left > 0; left--) missing.push(reader.next())
  const fingerprint = Buffer.from(bytes.subarray(0, FINGERPRINT_BYTES))
  return { sequence, fingerprint, partitionCount, arrivedMs, stored, missing }
}

/** Numbers beyond 31 bits: no shifts. */
function writeNumber(into: Buffer, at: number, value: number): number {
  let rest = value
  let position = at
  while (rest > 0x7f) {
    into[position++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  into[position++] = rest
  return position
}

class NumberReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  next(): number {
    let value = 0
    for (let weight = 1; ; weight *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0
      value += (byte & 0x7f) * weight
      if (byte < 0x80) return value
    }
  }
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

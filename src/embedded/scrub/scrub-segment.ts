import * as fs from 'node:fs'
import { errorCode } from '../startup-error.ts'
import { checkSegment, type CheckedSegment, type SegmentDamage } from '../verify/segment-check.ts'

const CHUNK_BYTES = 256 * 1024
/** What a disk fails to read as one. */
const PAGE_BYTES = 4096
/** A segment with more is damaged all over: the rest is not told apart. */
const DAMAGE_MAX = 100

/**
 * Reads a segment's file from beginning to end, and returns where it is not what was written. Bytes that the disk does
 * not give are taken for zeros: they cost the batches that they are in.
 *
 * @param onRead told of bytes as they are read, and how many of them for the first time: a batch that does not fit in
 * what was read is read again from its beginning; may throw to end it
 */
export function scrubSegment(
  segment: CheckedSegment & { readonly path: string },
  onRead: (bytes: number, firstTime: number) => void,
): SegmentDamage[] {
  const damage: SegmentDamage[] = []
  const descriptor = fs.openSync(segment.path, 'r')
  try {
    const sink = { batch: () => {}, damage: (found: SegmentDamage) => void damage.push(found) }
    const check = checkSegment(segment, sink, CHUNK_BYTES)
    let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    let readTo = 0
    let step = check.next()
    while (!step.done && damage.length < DAMAGE_MAX) {
      const { position, length } = step.value
      if (length > buffer.length) buffer = Buffer.allocUnsafeSlow(length)
      const bytes = readInto(descriptor, buffer.subarray(0, length), position)
      const end = position + bytes.length
      onRead(bytes.length, Math.max(0, end - Math.max(readTo, position)))
      readTo = Math.max(readTo, end)
      step = check.next(bytes)
    }
    return damage
  } finally {
    fs.closeSync(descriptor)
  }
}

function readInto(descriptor: number, into: Buffer, position: number): Buffer {
  try {
    return into.subarray(0, readWhole(descriptor, into, position))
  } catch (error) {
    if (errorCode(error) !== 'EIO') throw error
    return readByPages(descriptor, into, position)
  }
}

function readWhole(descriptor: number, into: Buffer, position: number): number {
  let length = 0
  while (length < into.length) {
    const read = fs.readSync(descriptor, into, length, into.length - length, position + length)
    if (read === 0) break
    length += read
  }
  return length
}

function readByPages(descriptor: number, into: Buffer, position: number): Buffer {
  const end = Math.min(into.length, fs.fstatSync(descriptor).size - position)
  for (let at = 0; at < end;) {
    const length = Math.min(PAGE_BYTES - ((position + at) % PAGE_BYTES), end - at)
    try {
      readWhole(descriptor, into.subarray(at, at + length), position + at)
    } catch (error) {
      if (errorCode(error) !== 'EIO') throw error
      into.fill(0, at, at + length)
    }
    at += length
  }
  return into.subarray(0, end)
}

import { crc32c } from '../../codec/crc32c.ts'
import type { FileHandle } from '../file-system.ts'
import { firstDifference, isHole } from './byte-difference.ts'
import type { ExpectedPiece } from './expected-partition.ts'

export interface PieceFault {
  readonly position: number
  readonly end: number
  /** `lost`: the journal does not have the bytes. `rebuilt`: it does. */
  readonly consequence: 'lost' | 'rebuilt'
  readonly problem: string
}

/** Bytes compared at a time. */
const COMPARED_BYTES = 1024 * 1024

/**
 * What of a round lies in the segment's file already, or must.
 *
 * @param fileEnd behind the last byte of the file that is the segment's
 */
export async function checkPiece(
  piece: ExpectedPiece,
  handle: FileHandle,
  fileEnd: number,
): Promise<PieceFault | undefined> {
  const { position, lengthBytes, content, round } = piece
  const end = Math.min(position + lengthBytes, fileEnd)
  if ('bytes' in content) return await differenceOf(content.bytes, position, end, handle, round)
  let crc = 0
  for (let at = position; at < end; at += COMPARED_BYTES) {
    crc = crc32c(await handle.read(at, Math.min(COMPARED_BYTES, end - at)), crc)
  }
  if (end - position === lengthBytes && crc === content.namedCrc) return undefined
  const problem = `the bytes that round ${round} of the journal names are not those that were written`
  return { position, end: position + lengthBytes, consequence: 'lost', problem }
}

/** A hole is what a power cut has left: the bytes never came to the file. */
async function differenceOf(
  bytes: Buffer,
  position: number,
  end: number,
  handle: FileHandle,
  round: number,
): Promise<PieceFault | undefined> {
  for (let at = position; at < end; at += COMPARED_BYTES) {
    const length = Math.min(COMPARED_BYTES, end - at)
    const present = await handle.read(at, length)
    const differs = firstDifference(present, bytes.subarray(at - position, at - position + length))
    if (differs < 0) continue
    if (isHole(present, differs)) return undefined
    const problem = `the file is not what round ${round} of the journal says`
    return { position: at + differs, end, consequence: 'rebuilt', problem }
  }
  return undefined
}

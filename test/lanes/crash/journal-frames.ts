import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/*
 * Where the frames of a directory's commit journal lie: they begin at multiples of 4 KiB.
 *
 *    0  magic      uint32  "PHJF"
 *   24  round      int64
 *   33  kind       uint8   1 round, 2 checkpoint, 3 checkpoint of a clean stop
 *   36  bodyBytes  uint32
 */
const ALIGNMENT_BYTES = 4096
const HEADER_BYTES = 64
const MAGIC = 0x50484a46

export interface FoundFrame {
  readonly file: string
  readonly position: number
  readonly round: number
  readonly isCheckpoint: boolean
  readonly bodyBytes: number
}

/** Of both files, by round, the oldest first. */
export function journalFrames(directory: string): FoundFrame[] {
  return ['journal-0', 'journal-1'].flatMap((name) => framesIn(join(directory, name))).sort((a, b) => a.round - b.round)
}

function framesIn(file: string): FoundFrame[] {
  const content = readFileSync(file)
  const found: FoundFrame[] = []
  for (let position = ALIGNMENT_BYTES; position + HEADER_BYTES <= content.length; position += ALIGNMENT_BYTES) {
    if (content.readUInt32BE(position) !== MAGIC) continue
    const round = Number(content.readBigInt64BE(position + 24))
    const bodyBytes = content.readUInt32BE(position + 36)
    found.push({ file, position, round, isCheckpoint: content.readUInt8(position + 33) > 1, bodyBytes })
  }
  return found
}

/** Flips one bit in the middle of a frame's body. */
export function damage({ file, position, bodyBytes }: FoundFrame): void {
  const at = position + HEADER_BYTES + (bodyBytes >> 1)
  const descriptor = openSync(file, 'r+')
  const byte = Buffer.alloc(1)
  readSync(descriptor, byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 0x10
  writeSync(descriptor, byte, 0, 1, at)
  closeSync(descriptor)
}

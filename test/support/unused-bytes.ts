import * as fs from 'node:fs'
import * as path from 'node:path'
import { FRAMES_START, readJournalId } from '../../src/embedded/commit/journal-file.ts'
import { decodeFrame } from '../../src/embedded/commit/frame.ts'
import { batchSizeBytes } from '../../src/codec/record-batch.ts'
import type { Verified } from './verified-directory.ts'

/** Which changes of a file cannot be known of. */
export interface UnusedBytes {
  /** So many bytes are worth changing: the rest is known to be unused. */
  readonly interestingBytes: number
  /** Whether a change at that byte may stay untold, given what was told. */
  mayHide(at: number, report: Verified): boolean
}

/** Files that hold nothing to go by: random or shared memory, put aside, on their way out of the log. */
const NOTHING = /^(\.reserve|\.lock.*|.*-shm|.*\.torn|.*\.(deleted|cleaned))$/

/** What a directory holds that says nothing, or the same as before when one bit of it is another. */
export function unusedOf(file: string): UnusedBytes {
  const name = path.basename(file)
  const { size } = fs.statSync(file)
  if (NOTHING.test(name)) return { interestingBytes: size, mayHide: () => true }
  if (/^journal-[01]$/.test(name)) return unusedOfJournal(file)
  // SQLite's pages have room that is not used, and a log's frames may be left over from before.
  if (/\.db(-wal)?$/.test(name))
    return { interestingBytes: size, mayHide: (_at, report) => report.damaged === 0 || namesDatabase(report) }
  // One directory's node id is as good as another.
  if (name === 'meta.properties') {
    const text = fs.readFileSync(file, 'latin1')
    const from = text.indexOf('node.id=') + 'node.id='.length
    return {
      interestingBytes: size,
      mayHide: (at, report) => (at >= from && at < text.indexOf('\n', from)) || report.damaged > 0,
    }
  }
  // Compaction leaves gaps, and the CRC leaves a batch's offset out.
  if (name.endsWith('.log') && path.basename(path.dirname(file)).startsWith('prices')) {
    const offsetBytes = offsetBytesOf(fs.readFileSync(file))
    return { interestingBytes: size, mayHide: (at) => offsetBytes.has(at) }
  }
  return { interestingBytes: size, mayHide: () => false }
}

function offsetBytesOf(segment: Buffer): ReadonlySet<number> {
  const bytes = new Set<number>()
  for (let at = 0; at < segment.length; at += batchSizeBytes(segment, at)) {
    for (let byte = 0; byte < 8; byte++) bytes.add(at + byte)
  }
  return bytes
}

/** It may be another file that contradicts. */
function namesDatabase({ told }: Verified): boolean {
  return told.some(({ file }) => /\.(db|snapshot)(-wal)?$/.test(file))
}

function unusedOfJournal(file: string): UnusedBytes {
  const content = fs.readFileSync(file)
  const journalId = readJournalId(content) ?? Buffer.alloc(0)
  let end = FRAMES_START
  let cycle = -1
  for (;;) {
    const frame = decodeFrame(content, end, journalId)
    if (!frame || (cycle >= 0 && frame.cycle !== cycle)) break
    cycle = frame.cycle
    end += frame.sizeBytes
  }
  return { interestingBytes: end + 4096, mayHide: (at) => at >= end }
}

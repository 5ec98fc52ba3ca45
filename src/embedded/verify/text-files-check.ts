import { crc32c } from '../../codec/crc32c.ts'
import type { CheckpointEntry } from '../directory/offset-checkpoint.ts'
import type { StoredMetaProperties } from '../directory/meta-properties.ts'
import { metaPropertiesText } from '../directory/meta-properties.ts'
import type { Finding } from './finding.ts'

type FileFinding = Omit<Finding, 'file'>

/** What of meta.properties is not as this release writes it, though it can be read. */
export function checkMetaText(content: Buffer, meta: StoredMetaProperties): FileFinding[] {
  const wanted = metaPropertiesText(meta, meta.formatVersion)
  const position = firstDifference(content, Buffer.from(wanted))
  if (position < 0) return []
  const problem = 'it is not written as Posthorn writes it, though all it has to say can be read'
  return [{ position, consequence: 'harmless', problem, meaning: 'somebody has edited it, or the disk has changed it' }]
}

const CLOCK = /^(posthorn-clock 1 \d{1,16} )([0-9a-f]{8})\n$/

export function checkClockFile(content: Buffer | undefined): FileFinding[] {
  const meaning = 'the next start takes its own time for right, and writes the file anew'
  if (content === undefined) return []
  const [, text = '', crc] = CLOCK.exec(content.toString('latin1')) ?? []
  if (crc === crc32c(Buffer.from(text)).toString(16).padStart(8, '0')) return []
  return [{ position: 0, consequence: 'rebuilt', problem: 'the highest time seen is damaged', meaning }]
}

/**
 * One of Kafka's text checkpoints. They have no checksum and nothing of Posthorn's reads them; but right behind a clean
 * stop it is known what they say.
 *
 * @param known by partition, what the journal says; a file that is older may say less, never more
 * @param isOfThisStop the file was written behind the journal's last, clean checkpoint
 */
export function checkOffsetCheckpoint(
  content: Buffer,
  known: ReadonlyMap<string, CheckpointEntry>,
  isOfThisStop: boolean,
): FileFinding[] {
  const meaning = 'for Kafka’s tools alone; the next clean stop writes it anew'
  const tell = (problem: string): FileFinding[] => [{ position: 0, consequence: 'harmless', problem, meaning }]
  const lines = content.toString('latin1').split('\n')
  const [version, count, ...entries] = lines
  if (version !== '0' || lines.at(-1) !== '' || Number(count) !== entries.length - 1) {
    return tell('it is no offset checkpoint, or not all of it')
  }
  for (const line of entries.slice(0, -1)) {
    const [, topic = '', partition = '', offset = ''] = /^(\S+) (\d+) (\d+)$/.exec(line) ?? []
    const entry = known.get(`${topic}-${partition}`)
    if (offset === '') return tell(`the line '${line.slice(0, 300)}' is none of a checkpoint`)
    if (!entry) {
      if (isOfThisStop) return tell(`it names ${topic}-${partition}, which is not in this directory`)
    } else if (isOfThisStop ? Number(offset) !== entry.offset : Number(offset) > entry.offset) {
      return tell(`it gives ${topic}-${partition} the offset ${offset}, the journal ${entry.offset}`)
    }
  }
  return isOfThisStop && entries.length - 1 !== known.size
    ? tell(`it names ${entries.length - 1} of ${known.size} partitions`)
    : []
}

function firstDifference(one: Buffer, other: Buffer): number {
  const length = Math.max(one.length, other.length)
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at
  return -1
}

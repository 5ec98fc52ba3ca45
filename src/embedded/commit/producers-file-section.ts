import { readInt64, writeInt64 } from '../../codec/int64.ts'
import type { DecodedSection, Section } from './frame.ts'

/*
 * How much of the directory's `producers` file a checkpoint counts on, as a section of its frame behind where the
 * partitions stand (type 4, version 1); where there is no such file, there is none. Numbers are big-endian.
 *
 *    0  generation  int64
 *    8  sizeBytes   int64
 */
export const PRODUCERS_FILE_SECTION = 4
const VERSION = 1
const CONTENT_BYTES = 16

/** Which `producers` file, and how much of it. */
export interface ProducersFileMark {
  readonly generation: number
  readonly sizeBytes: number
}

export function producersFileSection({ generation, sizeBytes }: ProducersFileMark): Section {
  const content = Buffer.alloc(CONTENT_BYTES)
  writeInt64(content, 0, generation)
  writeInt64(content, 8, sizeBytes)
  return { type: PRODUCERS_FILE_SECTION, version: VERSION, content: [content] }
}

/** Undefined where the section is not of this kind. */
export function decodeProducersFileSection(section: DecodedSection): ProducersFileMark | undefined {
  const { type, version, content } = section
  if (type !== PRODUCERS_FILE_SECTION || version !== VERSION || content.length !== CONTENT_BYTES) return undefined
  return { generation: readInt64(content, 0), sizeBytes: readInt64(content, 8) }
}

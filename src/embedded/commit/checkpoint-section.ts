import { readInt64, writeInt64 } from '../../codec/int64.ts'
import type { FencedRange } from '../log/partition-view.ts'
import type { SegmentFacts } from '../log/segment.ts'
import type { DecodedSection, Section } from './frame.ts'

/*
 * Where every partition of the directory stood after a round, as a section of a checkpoint frame (type 2, version 2):
 * all of it is in the segments, and synced. Numbers are big-endian. Version 1 lacks what is marked.
 *
 *    0  coveredRound    int64
 *    8  partitionCount  uint32
 *   12  (zero)          4 bytes
 *   16  partitions, one behind the other:
 *
 *         0  topicId       16 bytes
 *        16  partition     uint32
 *        20  segmentCount  uint32
 *        24  fencedCount   uint32
 *        28  (zero)        4 bytes
 *        32  logEndOffset  int64
 *        40  firstDirtyOffset  int64 (not in version 1)
 *        48  segments, in offset order, 48 bytes each:
 *              0 baseOffset, 8 sizeBytes, 16 maxTimestamp, 24 firstTimestamp, 32 createdMs, 40 generation (not in
 *              version 1): int64
 *         …  fenced ranges, in offset order, 32 bytes each:
 *              0 from, 8 to, 16 resume segment's base offset (−1 = none), 24 resume position: int64
 */

export const CHECKPOINT_SECTION = 2
const HEAD_BYTES = 16
const FENCED_BYTES = 32

interface Layout {
  readonly version: number
  readonly partitionBytes: number
  readonly segmentBytes: number
}

const LAYOUT: Layout = { version: 2, partitionBytes: 48, segmentBytes: 48 }
const FIRST_LAYOUT: Layout = { version: 1, partitionBytes: 40, segmentBytes: 40 }

export interface CheckpointPartition {
  readonly topicIdBytes: Buffer
  readonly partition: number
  readonly logEndOffset: number
  /** Where compaction goes on; 0 = nothing was cleaned. */
  readonly firstDirtyOffset: number
  /** In offset order; the last one is active. */
  readonly segments: readonly SegmentFacts[]
  readonly fenced: readonly FencedRange[]
}

export interface Checkpoint {
  readonly coveredRound: number
  readonly partitions: readonly CheckpointPartition[]
}

export function checkpointSection(coveredRound: number, partitions: readonly CheckpointPartition[]): Section {
  const content = Buffer.alloc(HEAD_BYTES + partitions.reduce((sum, partition) => sum + partitionBytes(partition), 0))
  writeInt64(content, 0, coveredRound)
  content.writeUInt32BE(partitions.length, 8)
  let at = HEAD_BYTES
  for (const partition of partitions) at = writePartition(content, at, partition)
  return { type: CHECKPOINT_SECTION, version: LAYOUT.version, content: [content] }
}

function partitionBytes(partition: CheckpointPartition): number {
  const { segments, fenced } = partition
  return LAYOUT.partitionBytes + segments.length * LAYOUT.segmentBytes + fenced.length * FENCED_BYTES
}

function writePartition(content: Buffer, start: number, partition: CheckpointPartition): number {
  content.set(partition.topicIdBytes, start)
  content.writeUInt32BE(partition.partition, start + 16)
  content.writeUInt32BE(partition.segments.length, start + 20)
  content.writeUInt32BE(partition.fenced.length, start + 24)
  writeInt64(content, start + 32, partition.logEndOffset)
  writeInt64(content, start + 40, partition.firstDirtyOffset)
  let at = start + LAYOUT.partitionBytes
  for (const segment of partition.segments) {
    writeInt64(content, at, segment.baseOffset)
    writeInt64(content, at + 8, segment.sizeBytes)
    writeInt64(content, at + 16, segment.maxTimestamp)
    writeInt64(content, at + 24, segment.firstTimestamp)
    writeInt64(content, at + 32, segment.createdMs)
    writeInt64(content, at + 40, segment.generation)
    at += LAYOUT.segmentBytes
  }
  for (const range of partition.fenced) {
    writeInt64(content, at, range.from)
    writeInt64(content, at + 8, range.to)
    writeInt64(content, at + 16, range.resume?.segmentBaseOffset ?? -1)
    writeInt64(content, at + 24, range.resume?.position ?? 0)
    at += FENCED_BYTES
  }
  return at
}

/** Undefined where the section is not of this kind, or does not add up. */
export function decodeCheckpointSection(section: DecodedSection): Checkpoint | undefined {
  const { content } = section
  const layout = [LAYOUT, FIRST_LAYOUT].find(({ version }) => version === section.version)
  if (section.type !== CHECKPOINT_SECTION || !layout || content.length < HEAD_BYTES) return undefined
  const count = content.readUInt32BE(8)
  const partitions: CheckpointPartition[] = []
  let at = HEAD_BYTES
  while (partitions.length < count) {
    if (at + layout.partitionBytes > content.length) return undefined
    const segmentsAt = at + layout.partitionBytes
    const fencedAt = segmentsAt + content.readUInt32BE(at + 20) * layout.segmentBytes
    const end = fencedAt + content.readUInt32BE(at + 24) * FENCED_BYTES
    if (end > content.length) return undefined
    partitions.push({
      // A copy: it outlives the frame it was read from.
      topicIdBytes: Buffer.from(content.subarray(at, at + 16)),
      partition: content.readUInt32BE(at + 16),
      logEndOffset: readInt64(content, at + 32),
      firstDirtyOffset: layout === FIRST_LAYOUT ? 0 : readInt64(content, at + 40),
      segments: readSegments(content, segmentsAt, fencedAt, layout),
      fenced: readFenced(content, fencedAt, end),
    })
    at = end
  }
  return at === content.length ? { coveredRound: readInt64(content, 0), partitions } : undefined
}

function readSegments(content: Buffer, from: number, end: number, layout: Layout): SegmentFacts[] {
  const segments: SegmentFacts[] = []
  for (let at = from; at < end; at += layout.segmentBytes) {
    segments.push({
      baseOffset: readInt64(content, at),
      sizeBytes: readInt64(content, at + 8),
      maxTimestamp: readInt64(content, at + 16),
      firstTimestamp: readInt64(content, at + 24),
      createdMs: readInt64(content, at + 32),
      generation: layout === FIRST_LAYOUT ? 0 : readInt64(content, at + 40),
    })
  }
  return segments
}

function readFenced(content: Buffer, from: number, end: number): FencedRange[] {
  const ranges: FencedRange[] = []
  for (let at = from; at < end; at += FENCED_BYTES) {
    const range = { from: readInt64(content, at), to: readInt64(content, at + 8) }
    const segmentBaseOffset = readInt64(content, at + 16)
    if (segmentBaseOffset < 0) ranges.push(range)
    else ranges.push({ ...range, resume: { segmentBaseOffset, position: readInt64(content, at + 24) } })
  }
  return ranges
}

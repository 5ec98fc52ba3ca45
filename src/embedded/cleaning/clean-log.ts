import { isControl, lastOffset, maxTimestamp } from '../../codec/record-batch.ts'
import { passingSegmentPath } from '../log/segment-name.ts'
import { type BatchCompression, BatchFilter } from './batch-filter.ts'
import { CleanedFile } from './cleaned-file.ts'
import { type CleaningFiles, nodeCleaningFiles } from './cleaning-files.ts'
import type { CleanedGroup, CleaningFigures, CleaningJob } from './cleaning-messages.ts'
import type { OffsetMap } from './offset-map.ts'
import { RecordCursor } from './record-cursor.ts'
import { type CleaningSegment, SegmentBatches } from './segment-batches.ts'
import { groupSegments } from './segment-groups.ts'

export interface LogCleaningTools {
  readonly map: OffsetMap
  readonly compression: BatchCompression
  readonly ioBufferBytes: number
  /** Absent: this machine's. */
  readonly files?: CleaningFiles
  /** So many bytes were read or written; may sleep, and throws CleaningStopped where the round is to end. */
  readonly onIo: (bytes: number) => void
}

export class CleaningStopped extends Error {}

/** Not so much room is left that the disk's other users would be safe. */
export class NoRoomToCleanError extends Error {}

/** The free space is asked for after so many bytes written. */
const SPACE_CHECK_BYTES = 16 * 1024 * 1024

/**
 * One round over a log, in two passes: the last offset of each dirty key goes into the map, then all segments up to
 * where the map ended are written anew without what it has made stale. Each group is handed over when its file is
 * whole; the next one is begun only when the caller comes back, so that older records never outlive newer ones.
 *
 * @returns the round's figures; undefined where it was ended from outside
 */
export function* cleanLog(
  job: CleaningJob,
  tools: LogCleaningTools,
): Generator<CleanedGroup, Omit<CleaningFigures, 'durationMs'> | undefined> {
  const { files = nodeCleaningFiles } = tools
  const reader = new SegmentBatches(files, tools.ioBufferBytes, tools.onIo)
  try {
    const { endOffset, isFull } = mapDirtyKeys(job, tools, reader)
    const { nowMs, deleteRetentionMs, mayExpireTombstones, lastOffsetsOfProducers } = job
    const filter = new BatchFilter({
      latest: tools.map,
      compression: tools.compression,
      endOffset,
      nowMs,
      deleteRetentionMs,
      mayExpireTombstones,
      lastOffsetsOfProducers,
    })
    const segments = job.segments.filter(({ baseOffset }) => baseOffset < endOffset)
    const groups = groupSegments(segments, job.segmentBytesMax, job.firstUncleanableOffset)
    let bytesAfter = 0
    for (const [place, group] of groups.entries()) {
      const cleaned = cleanGroup(group, job, { ...tools, files, filter, reader })
      bytesAfter += cleaned.sizeBytes
      yield place === groups.length - 1 ? { ...cleaned, cleanUntil: endOffset } : cleaned
    }
    const bytesBefore = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const { recordsRead, recordsKept } = filter
    return { bytesBefore, bytesAfter, recordsRead, recordsKept, keys: tools.map.size, isMapFull: isFull }
  } finally {
    reader.close()
  }
}

/** Fills the map from the first dirty offset on, until it is full or all is in; says where it ended. */
function mapDirtyKeys(job: CleaningJob, { map, compression }: LogCleaningTools, reader: SegmentBatches) {
  const { segments, firstDirtyOffset, firstUncleanableOffset } = job
  const cursor = new RecordCursor()
  const firstDirtyPlace = Math.max(
    0,
    segments.findLastIndex(({ baseOffset }) => baseOffset <= firstDirtyOffset),
  )
  for (const segment of segments.slice(firstDirtyPlace)) {
    reader.open(segment)
    while (reader.next()) {
      const { at, bytes } = reader
      if (isControl(bytes, at) || lastOffset(bytes, at) < firstDirtyOffset) continue
      const plain = compression.plain(bytes, at)
      cursor.open(plain, plain === bytes ? at : 0)
      while (cursor.next()) {
        if (cursor.keyStart < 0 || cursor.offset < firstDirtyOffset) continue
        if (!map.put(plain, cursor.keyStart, cursor.keyEnd, cursor.offset)) {
          return { endOffset: cursor.offset, isFull: true }
        }
      }
    }
  }
  return { endOffset: firstUncleanableOffset, isFull: false }
}

interface GroupTools extends LogCleaningTools {
  readonly files: CleaningFiles
  readonly filter: BatchFilter
  readonly reader: SegmentBatches
}

function cleanGroup(group: readonly CleaningSegment[], job: CleaningJob, tools: GroupTools): CleanedGroup {
  const { files, filter, reader } = tools
  const baseOffset = group[0]?.baseOffset ?? 0
  const generation = group.reduce((newest, segment) => Math.max(newest, segment.generation), 0) + 1
  const path = passingSegmentPath(job.directory, { baseOffset, generation }, 'cleaned')
  const file = new CleanedFile(path, { files, bufferBytes: tools.ioBufferBytes, onWritten: roomWatch(job, tools) })
  try {
    let newest = -1
    let first = -1
    let modifiedMs = 0
    for (const segment of group) {
      reader.open(segment)
      modifiedMs = reader.modifiedMs
      while (reader.next()) {
        const kept = filter.filter(reader.bytes, reader.at)
        if (!kept) continue
        const timestamp = maxTimestamp(kept, 0)
        if (first < 0) first = timestamp
        if (timestamp > newest) newest = timestamp
        file.append(kept)
      }
    }
    file.finish(modifiedMs)
    const facts = { maxTimestamp: newest, firstTimestamp: first, sizeBytes: file.sizeBytes }
    return { baseOffset, generation, segmentCount: group.length, ...facts }
  } catch (error) {
    file.discard()
    throw error
  }
}

/** Gives up before the disk is full: publishing stops below a mark, and compaction must not be what brings it there. */
function roomWatch({ directory, keepFreeBytes }: CleaningJob, { files, onIo }: GroupTools): (bytes: number) => void {
  let unchecked = Infinity
  return (bytes) => {
    unchecked += bytes
    if (unchecked >= SPACE_CHECK_BYTES) {
      unchecked = 0
      const freeBytes = files.freeBytes(directory)
      if (freeBytes < keepFreeBytes) {
        throw new NoRoomToCleanError(`${freeBytes} bytes are free, and ${keepFreeBytes} are kept free`)
      }
    }
    onIo(bytes)
  }
}

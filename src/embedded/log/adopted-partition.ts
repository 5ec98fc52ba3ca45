import * as path from 'node:path'
import { batchSizeBytes, lastOffset, maxTimestamp } from '../../codec/record-batch.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { FileSystem } from '../file-system.ts'
import { checkSegment } from '../verify/segment-check.ts'
import type { SegmentIndexer } from './directory-log-options.ts'
import type { PartitionLog, PartitionPlacement } from './partition-log.ts'
import { parseSegmentFileName, segmentPath } from './segment-name.ts'
import { emptySegmentFacts, type SegmentFacts } from './segment.ts'
import { isMissing } from './storage-failure.ts'

/** An empty file in a partition's directory: see `adoptedPartition`. */
export const ADOPTION_FILE = '.adopt'

/** Durable when it resolves. */
export async function markForAdoption(fileSystem: FileSystem, directory: string): Promise<void> {
  await (await fileSystem.open(path.join(directory, ADOPTION_FILE), { create: true })).close()
  await fileSystem.syncDirectory(directory)
}

export async function isAdopted(fileSystem: FileSystem, directory: string): Promise<boolean> {
  const names = await fileSystem.readdir(directory).catch((): string[] => [])
  return names.includes(ADOPTION_FILE)
}

/** Nobody has told the index of its segments while they were written. */
export function indexAdopted(
  { topicId, partition, segments }: PartitionLog,
  indexer: SegmentIndexer | undefined,
): void {
  for (const { baseOffset: segmentBaseOffset, generation, path: file, fileBytes } of segments) {
    if (fileBytes > 0) indexer?.segmentAdded({ topicId, partition, segmentBaseOffset, generation }, file, fileBytes)
  }
}

export async function endAdoption(fileSystem: FileSystem, directory: string): Promise<void> {
  await fileSystem.unlink(path.join(directory, ADOPTION_FILE)).catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
}

/**
 * Where a partition stands by its files alone, for one whose directory came from elsewhere: `posthorn repair` has marked
 * it, as the journal here does not know it and a start would take its records for an unfinished commit. Undefined where
 * there is no mark. The records end with the last sound batch; a new segment begins behind them.
 *
 * @param until the segment with which the journal's rounds begin, where an earlier start has come that far and no checkpoint
 * says so yet; absent where there are none
 */
export async function adoptedPartition(
  fileSystem: FileSystem,
  directory: string,
  { topicId, partition }: Pick<PartitionPlacement, 'topicId' | 'partition'>,
  nowMs: number,
  until = Infinity,
): Promise<CheckpointPartition | undefined> {
  const names = await fileSystem.readdir(directory)
  if (!names.includes(ADOPTION_FILE)) return undefined
  const bases = names.flatMap((name) => parseSegmentFileName(name) ?? []).sort((one, other) => one - other)
  const segments: SegmentFacts[] = []
  let logEndOffset = bases[0] ?? 0
  for (const [place, base] of bases.entries()) {
    if (base >= until) break
    const next = bases[place + 1]
    const { facts, nextOffset } = await segmentOf(fileSystem, directory, base, next, nowMs)
    logEndOffset = next ?? nextOffset
    if (next !== undefined || facts.sizeBytes > 0) segments.push(facts)
  }
  segments.push(emptySegmentFacts(logEndOffset, nowMs))
  const topicIdBytes = Buffer.from(topicId, 'base64url')
  return { topicIdBytes, partition, logEndOffset, firstDirtyOffset: 0, segments, fenced: [] }
}

/** As if compaction had replaced it: whether it has, and left gaps, its bytes do not tell. */
async function segmentOf(
  fileSystem: FileSystem,
  directory: string,
  base: number,
  endOffset: number | undefined,
  createdMs: number,
): Promise<{ readonly facts: SegmentFacts; readonly nextOffset: number }> {
  const facts = { ...emptySegmentFacts(base, createdMs), generation: 1 }
  let nextOffset = base
  const file = await fileSystem.open(segmentPath(directory, base), { readOnly: true })
  try {
    const sizeBytes = await file.size()
    const sink = {
      batch: (bytes: Buffer, at: number, position: number): void => {
        const newest = maxTimestamp(bytes, at)
        if (facts.sizeBytes === 0) facts.firstTimestamp = newest
        facts.maxTimestamp = Math.max(facts.maxTimestamp, newest)
        facts.sizeBytes = position + batchSizeBytes(bytes, at)
        nextOffset = lastOffset(bytes, at) + 1
      },
      damage: () => {},
    }
    const checked = { ...facts, sizeBytes, endOffset: endOffset ?? Number.MAX_SAFE_INTEGER, fenced: [] }
    const check = checkSegment(checked, sink)
    for (let step = check.next(); !step.done;) {
      step = check.next(await file.read(step.value.position, step.value.length))
    }
    // What is damaged stays part of the log where later records follow: readers are told where to go on.
    if (endOffset !== undefined && nextOffset < endOffset) facts.sizeBytes = sizeBytes
    return { facts, nextOffset }
  } finally {
    await file.close()
  }
}

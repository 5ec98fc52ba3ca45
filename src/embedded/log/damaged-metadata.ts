import * as path from 'node:path'
import type { Logger } from '../../broker/logger.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import { readWhole, replaceFile } from '../directory/replace-file.ts'
import type { FileSystem } from '../file-system.ts'
import { PARTITION_METADATA_FILE, partitionMetadata, topicIdIn } from './partition-directory.ts'
import type { PartitionPlacement } from './partition-log.ts'
import { segmentFileName } from './segment-name.ts'
import { isDiskFull, isMissing } from './storage-failure.ts'

export interface SuspectMetadata {
  /** Of the partition; it is there. */
  readonly directory: string
  readonly placement: Pick<PartitionPlacement, 'topic' | 'topicId' | 'partition'>
  /** What the checkpoint of the same log directory says of the partition. */
  readonly checkpoint: CheckpointPartition | undefined
}

/**
 * Whether `partition.metadata` said that the directory belongs to this topic, until the disk changed it: it is one bit away
 * from saying so; or it says nothing any more, and the directory has every segment that the checkpoint of its own journal
 * names for this topic, as long as that says. A file that names another topic is taken at its word: false.
 */
export async function isMetadataDamaged(
  fileSystem: FileSystem,
  { directory, placement: { topicId }, checkpoint }: SuspectMetadata,
): Promise<boolean> {
  const content = await metadataIn(fileSystem, directory)
  if (content && differsInOneBit(content, Buffer.from(partitionMetadata(topicId)))) return true
  if (content && topicIdIn(content) !== undefined) return false
  return checkpoint !== undefined && (await holdsSegments(fileSystem, directory, checkpoint))
}

/** Writes `partition.metadata` anew where it is damaged; false where it is not. */
export async function mendMetadata(fileSystem: FileSystem, logger: Logger, suspect: SuspectMetadata): Promise<boolean> {
  if (!(await isMetadataDamaged(fileSystem, suspect))) return false
  const { topic, topicId, partition } = suspect.placement
  logger.error({ topic, partition }, `${PARTITION_METADATA_FILE} was damaged on the disk: it is written anew`)
  try {
    await replaceFile(fileSystem, suspect.directory, PARTITION_METADATA_FILE, Buffer.from(partitionMetadata(topicId)))
  } catch (error) {
    // A start on a full disk serves all the same; a later one writes the file.
    if (!isDiskFull(error)) throw error
  }
  return true
}

async function metadataIn(fileSystem: FileSystem, directory: string): Promise<Buffer | undefined> {
  try {
    return await readWhole(fileSystem, path.join(directory, PARTITION_METADATA_FILE))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function differsInOneBit(content: Buffer, wanted: Buffer): boolean {
  if (content.length !== wanted.length) return false
  const different = [...wanted.keys()].filter((at) => content[at] !== wanted[at])
  const [at] = different
  if (at === undefined || different.length > 1) return false
  const bits = content.readUInt8(at) ^ wanted.readUInt8(at)
  return (bits & (bits - 1)) === 0
}

async function holdsSegments(
  fileSystem: FileSystem,
  directory: string,
  { segments }: Pick<CheckpointPartition, 'segments'>,
): Promise<boolean> {
  for (const { baseOffset, sizeBytes } of segments) {
    try {
      const file = await fileSystem.stat(path.join(directory, segmentFileName(baseOffset)))
      if (file.sizeBytes < sizeBytes) return false
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
  return segments.length > 0
}

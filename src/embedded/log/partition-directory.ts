import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'
import { uuidToHex } from '../uuid.ts'
import { createSegmentFile } from './new-segment-file.ts'
import type { PartitionPlacement } from './partition-log.ts'
import { segmentPath } from './segment-name.ts'
import { isMissing } from './storage-failure.ts'
import { errorCode } from '../startup-error.ts'

/** Kafka's file: the topic id a partition's directory belongs to (PartitionMetadataFile). */
export const PARTITION_METADATA_FILE = 'partition.metadata'
/** `version: 0`, `topic_id: ` and 22 characters; a read of more would ask the file system once more for the end. */
const METADATA_BYTES = 44
const DELETE_SUFFIX = '-delete'
const FILE_NAME_BYTES_MAX = 255

type PartitionName = Pick<PartitionPlacement, 'topic' | 'topicId' | 'partition'>

export function partitionDirectory(logDirectory: string, topic: string, partition: number): string {
  return path.join(logDirectory, `${topic}-${partition}`)
}

/** `<topic>-<partition>.<32 hex>-delete`: Kafka's name of a directory that waits for its removal; the topic cut to fit. */
export function deletedDirectory(logDirectory: string, { topic, topicId, partition }: PartitionName): string {
  const suffix = `-${partition}.${uuidToHex(topicId)}${DELETE_SUFFIX}`
  return path.join(logDirectory, topic.slice(0, FILE_NAME_BYTES_MAX - suffix.length) + suffix)
}

export function isDeletedDirectory(name: string): boolean {
  return name.endsWith(DELETE_SUFFIX) && /\.[0-9a-f]{32}-delete$/.test(name)
}

/** Which partition a directory's name is that of. Reads from the right, as topic names may hold `-` and digits. */
export function partitionOfDirectory(name: string): { topic: string; partition: number } | undefined {
  const match = /^(.+)-(0|[1-9]\d*)$/.exec(name)
  return match?.[1] === undefined ? undefined : { topic: match[1], partition: Number(match[2]) }
}

/** What the file says. */
export function partitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}\n`
}

/** The topic id that the file's content names; undefined where it names none. */
export function topicIdIn(content: Buffer): string | undefined {
  return /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(content.toString('latin1', 0, METADATA_BYTES))?.[1]
}

/** The topic id in a directory's metadata; undefined if it has none that can be read. */
export async function readTopicId(fileSystem: FileSystem, directory: string): Promise<string | undefined> {
  try {
    const file = await fileSystem.open(path.join(directory, PARTITION_METADATA_FILE), { readOnly: true })
    try {
      return topicIdIn(await file.read(0, METADATA_BYTES))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/**
 * Makes a partition's directory with its metadata and first segment, all synced but the entry in the log directory.
 * What an earlier, unfinished creation of the same topic left is taken over; anything else in the way is an error.
 */
export async function createPartitionDirectory(
  fileSystem: FileSystem,
  directory: string,
  { topicId }: PartitionName,
): Promise<void> {
  try {
    await fileSystem.mkdir(directory)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    await assertUnfinished(fileSystem, directory, topicId)
  }
  const metadata = await fileSystem.open(path.join(directory, PARTITION_METADATA_FILE), { create: true })
  try {
    await metadata.write([Buffer.from(partitionMetadata(topicId))], 0)
    await metadata.datasync()
  } finally {
    await metadata.close()
  }
  await createSegmentFile(fileSystem, segmentPath(directory, 0))
  await fileSystem.syncDirectory(directory)
}

/** Removes what an unfinished creation of the topic left. Another topic's directory, or one with records, stays. */
export async function removeUnfinishedCreation(
  fileSystem: FileSystem,
  directory: string,
  { topicId }: PartitionName,
): Promise<void> {
  if ((await readTopicId(fileSystem, directory)) !== topicId) return
  await assertUnfinished(fileSystem, directory, topicId)
  await fileSystem.removeTree(directory)
}

/** Another topic's directory, or one with records, is never taken over. */
async function assertUnfinished(fileSystem: FileSystem, directory: string, topicId: string): Promise<void> {
  const found = await readTopicId(fileSystem, directory)
  for (const name of await fileSystem.readdir(directory)) {
    const { sizeBytes } = await fileSystem.stat(path.join(directory, name))
    const expected = name === PARTITION_METADATA_FILE ? found === undefined || found === topicId : sizeBytes === 0
    if (!expected) {
      throw new Error(
        `${directory} exists and is not an unfinished creation of topic ${topicId}: move it away, or stop the server and ` +
          `run 'posthorn repair', which takes in what it holds`,
      )
    }
  }
}

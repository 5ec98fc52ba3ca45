import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'
import { isDeletedDirectory, partitionOfDirectory, readTopicId } from '../log/partition-directory.ts'

export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

/** A partition's directory as it lies in a log directory. */
export interface FoundPartition extends PartitionName {
  /** Undefined where partition.metadata is missing or cannot be read. */
  readonly topicId: string | undefined
  /** Absolute. */
  readonly directory: string
  /** Why it could not be looked into. */
  readonly failure?: unknown
}

/**
 * The partitions' directories of a log directory, sorted by name; those renamed for their removal are none any more.
 *
 * @param isWanted the others are not looked into
 */
export async function findPartitions(
  fileSystem: FileSystem,
  logDirectory: string,
  isWanted: (name: PartitionName) => boolean = () => true,
): Promise<FoundPartition[]> {
  const found: FoundPartition[] = []
  for (const name of (await fileSystem.readdir(logDirectory)).sort()) {
    const named = isDeletedDirectory(name) ? undefined : partitionOfDirectory(name)
    if (!named || !isWanted(named)) continue
    const directory = path.join(logDirectory, name)
    try {
      if (!(await fileSystem.stat(directory)).directory) continue
      found.push({ ...named, directory, topicId: await readTopicId(fileSystem, directory) })
    } catch (failure) {
      // Somebody else's, or lost: that must not stop what the others are looked at for.
      found.push({ ...named, directory, topicId: undefined, failure })
    }
  }
  return found
}

/** Of a partition's directory. What the journal alone has is not seen. */
export async function holdsRecords(fileSystem: FileSystem, directory: string): Promise<boolean> {
  for (const name of await fileSystem.readdir(directory)) {
    if (!name.endsWith('.log')) continue
    if ((await fileSystem.stat(path.join(directory, name))).sizeBytes > 0) return true
  }
  return false
}

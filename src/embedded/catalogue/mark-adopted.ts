import { holdsRecords } from '../directory/found-partition.ts'
import type { FileSystem } from '../file-system.ts'
import { markForAdoption } from '../log/adopted-partition.ts'
import { readJournaledPartitions } from '../log/journaled-partitions.ts'
import type { CatalogueState } from './catalogue-state.ts'
import type { PlacedPartitions } from './state-of-directories.ts'

/**
 * Marks the partitions that a catalogue is new to and the journal beside them does not know either, as their directories
 * came from elsewhere: without the mark a start would take their records for an unfinished commit.
 *
 * @param known the catalogue before; undefined where there was none
 */
export async function markAdopted(
  known: CatalogueState | undefined,
  state: CatalogueState,
  placed: readonly PlacedPartitions[],
  fileSystem: FileSystem,
): Promise<void> {
  const before = new Map(known?.topics.map((topic) => [topic.topicId, topic.partitions.length]))
  const after = new Map(state.topics.map((topic) => [topic.topicId, topic.partitions]))
  for (const { directoryId, path, partitions } of placed) {
    const isNew = partitions.filter(({ topicId = '', partition }) => {
      const isKnown = partition < (before.get(topicId) ?? 0)
      return !isKnown && after.get(topicId)?.[partition]?.directoryId === directoryId
    })
    if (isNew.length === 0) continue
    const journal = await readJournaledPartitions(fileSystem, path)
    for (const { topicId = '', partition, directory } of isNew) {
      if (!journal || journal.knows({ topicId, partition }) || !(await holdsRecords(fileSystem, directory))) continue
      await markForAdoption(fileSystem, directory)
    }
  }
}

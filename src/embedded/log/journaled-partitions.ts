import * as path from 'node:path'
import { journalFileName } from '../commit/journal-file.ts'
import { scanJournal } from '../commit/journal-scan.ts'
import { readWhole } from '../directory/replace-file.ts'
import type { FileSystem } from '../file-system.ts'
import { HeldRounds } from './held-rounds.ts'
import { checkpointPartitionKey } from './partition-work.ts'
import { isMissing } from './storage-failure.ts'

interface PartitionNumber {
  readonly topicId: string
  readonly partition: number
}

/** Which partitions a log directory's journal speaks of, whatever the catalogue says of them. */
export class JournaledPartitions {
  readonly #endOffsets: ReadonlyMap<string, number>

  constructor(endOffsets: ReadonlyMap<string, number>) {
    this.#endOffsets = endOffsets
  }

  knows(partition: PartitionNumber): boolean {
    return this.#endOffsets.has(keyOf(partition))
  }

  /** Or had some: offsets were given out. */
  hasRecordsOf(partition: PartitionNumber): boolean {
    return (this.#endOffsets.get(keyOf(partition)) ?? 0) > 0
  }
}

/** Reads the journal and what is held beside it, without writing; undefined where no checkpoint can be read. */
export async function readJournaledPartitions(
  fileSystem: FileSystem,
  logDirectory: string,
): Promise<JournaledPartitions | undefined> {
  const scan = scanJournal([
    await readIfThere(fileSystem, path.join(logDirectory, journalFileName(0))),
    await readIfThere(fileSystem, path.join(logDirectory, journalFileName(1))),
  ])
  if (!scan) return undefined
  const endOffsets = new Map<string, number>()
  for (const partition of scan.checkpoint.partitions) {
    endOffsets.set(checkpointPartitionKey(partition), partition.logEndOffset)
  }
  const held = await new HeldRounds(fileSystem, logDirectory, scan.journalId).read()
  for (const entry of [...held.map((each) => each.entry), ...scan.rounds.flatMap(({ entries }) => entries)]) {
    endOffsets.set(checkpointPartitionKey(entry), entry.lastOffset + 1)
  }
  return new JournaledPartitions(endOffsets)
}

async function readIfThere(fileSystem: FileSystem, file: string): Promise<Buffer> {
  try {
    return await readWhole(fileSystem, file)
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0)
    throw error
  }
}

function keyOf({ topicId, partition }: PartitionNumber): string {
  return `${topicId}-${partition}`
}

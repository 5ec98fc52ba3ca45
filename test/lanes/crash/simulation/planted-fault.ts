import { FRAMES_START, journalFileName } from '../../../../src/embedded/commit/journal-file.ts'
import { scanJournal } from '../../../../src/embedded/commit/journal-scan.ts'
import type { MemoryFileSystem } from '../../../support/memory-file-system.ts'
import { LOG_DIRS } from './simulated-engine.ts'

/**
 * What a run can be made to suffer from, without a change of the program, to see that it is found out: syncs that do
 * nothing, syncs that are answered before they are done, a start that does not see the newest frame of the journal.
 */
export type PlantedFault = 'no-sync' | 'early-sync' | 'frame-skipped'

export const PLANTED_FAULTS: readonly PlantedFault[] = ['no-sync', 'early-sync', 'frame-skipped']

const EARLY_BY_CALLS = 12

/** Before a start on the disk. */
export function plant(fault: PlantedFault | undefined, disk: MemoryFileSystem): void {
  if (fault === 'no-sync') disk.syncLies = true
  if (fault === 'early-sync') disk.syncsLateByCalls = EARLY_BY_CALLS
  if (fault === 'frame-skipped') for (const directory of LOG_DIRS) skipNewestFrame(disk, directory)
}

function skipNewestFrame(disk: MemoryFileSystem, directory: string): void {
  const paths = [`${directory}/${journalFileName(0)}`, `${directory}/${journalFileName(1)}`] as const
  const contents = paths.map((path) => contentOf(disk, path))
  const newest = scanJournal([contents[0] ?? Buffer.alloc(0), contents[1] ?? Buffer.alloc(0)])?.newest
  // Without its first frame a journal is none.
  if (!newest || newest.header.kind !== 'round' || newest.position === FRAMES_START) return
  disk.alter(paths[newest.fileIndex], (bytes) => bytes.fill(0, newest.position, newest.position + 512))
}

function contentOf(disk: MemoryFileSystem, path: string): Buffer {
  try {
    return disk.contentOf(path)
  } catch {
    return Buffer.alloc(0)
  }
}

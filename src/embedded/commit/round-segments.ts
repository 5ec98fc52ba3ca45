import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'
import type { DirectoryCondition } from '../log/directory-condition.ts'
import { createSegmentFile } from '../log/new-segment-file.ts'
import { isDiskFull, isOutOfDescriptors } from '../log/storage-failure.ts'
import type { Round } from './round.ts'
import type { SpaceGuard } from './space-guard.ts'

/** Makes the files of the segments that the round begins, so that a frame may name them. */
export async function createRoundSegments(round: Round, deps: SegmentCreation): Promise<void> {
  const fresh = round.runs.filter((run) => run.isNewSegment)
  if (fresh.length === 0) return
  await createSegments(
    fresh.map((run) => run.segment.path),
    deps,
  )
}

export interface SegmentCreation {
  readonly fileSystem: FileSystem
  readonly condition: DirectoryCondition
  readonly space: SpaceGuard
}

/**
 * Makes empty segment files, directory entries synced. A failure takes the directory offline, but what passes: a full
 * disk, for which the reserve is tried, and a lack of descriptors.
 */
export async function createSegments(paths: readonly string[], deps: SegmentCreation): Promise<void> {
  const create = async (): Promise<void> => {
    for (const file of paths) await createSegmentFile(deps.fileSystem, file)
    for (const directory of new Set(paths.map((file) => path.dirname(file)))) {
      await deps.fileSystem.syncDirectory(directory)
    }
  }
  try {
    await create().catch(async (error: unknown) => {
      if (!isDiskFull(error) || !(await deps.space.release())) throw error
      await create()
    })
  } catch (error) {
    if (!isDiskFull(error) && !isOutOfDescriptors(error))
      deps.condition.takeOffline('making a new segment failed', error)
    throw error
  }
}

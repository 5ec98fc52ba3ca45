import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'
import { errorCode, errorMessage, StartupError } from '../startup-error.ts'

/** Makes a log directory and whatever is missing above it; durable when it resolves. Harmless where it is there. */
export async function makeLogDirectory(fileSystem: FileSystem, directory: string): Promise<void> {
  try {
    await makeWithParents(fileSystem, directory)
  } catch (error) {
    throw new StartupError(
      `The log directory ${directory} cannot be made: ${errorMessage(error)}. Make it and give it to the user that runs ` +
        `the server, or set log.dirs to another directory.`,
      { cause: error },
    )
  }
}

async function makeWithParents(fileSystem: FileSystem, directory: string): Promise<void> {
  const parent = path.dirname(directory)
  try {
    await fileSystem.mkdir(directory)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST' && (await fileSystem.stat(directory)).directory) return syncAbove(fileSystem, directory)
    if (code !== 'ENOENT' || parent === directory) throw error
    await makeWithParents(fileSystem, parent)
    await fileSystem.mkdir(directory)
  }
  await syncAbove(fileSystem, directory)
}

/** What a directory answers that may not be opened, or whose file system cannot sync one (autofs over home directories). */
const CANNOT_BE_SYNCED = new Set(['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'ENOSYS', 'EROFS'])

/**
 * Up to the root: a start that was broken off may have made any of them a moment ago. Where one cannot be synced,
 * somebody else has made what is in it, or nothing more can be done.
 */
async function syncAbove(fileSystem: FileSystem, directory: string): Promise<void> {
  const parent = path.dirname(directory)
  if (parent === directory) return
  try {
    await fileSystem.syncDirectory(parent)
  } catch (error) {
    if (!CANNOT_BE_SYNCED.has(errorCode(error) ?? '')) throw error
  }
  await syncAbove(fileSystem, parent)
}

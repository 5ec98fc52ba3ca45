import type { FileSystem } from '../file-system.ts'
import type { OpenFiles } from './open-files.ts'
import { isOutOfDescriptors } from './storage-failure.ts'

/**
 * The file system for whoever opens files past `OpenFiles`: where the process has no descriptor left, segment files that
 * nobody uses are closed first. A lack of descriptors is then seen only when none of them can be given up.
 */
export function withDescriptorRelief(fileSystem: FileSystem, files: OpenFiles): FileSystem {
  const relieved = async <T>(step: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await step()
      } catch (error) {
        if (!isOutOfDescriptors(error) || !(await files.closeIdle())) throw error
      }
    }
  }
  return {
    open: (path, options) => relieved(() => fileSystem.open(path, options)),
    mkdir: (path) => fileSystem.mkdir(path),
    readdir: (path) => relieved(() => fileSystem.readdir(path)),
    stat: (path) => fileSystem.stat(path),
    rename: (from, to) => fileSystem.rename(from, to),
    unlink: (path) => fileSystem.unlink(path),
    removeTree: (path) => relieved(() => fileSystem.removeTree(path)),
    syncDirectory: (path) => relieved(() => fileSystem.syncDirectory(path)),
    space: (path) => fileSystem.space(path),
  }
}

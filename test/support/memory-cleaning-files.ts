import type { CleaningFiles } from '../../src/embedded/cleaning/cleaning-files.ts'
import type { MemoryCalls } from './memory-calls.ts'
import { MemoryFile } from './memory-file.ts'

/** A disk in memory, as far as the cleaning thread needs it. */
export interface CleanedDisk {
  readonly calls: MemoryCalls
  readonly syncLies: boolean
  readonly freeBytes: number
  file(path: string): MemoryFile
  put(path: string, file: MemoryFile): void
  remove(path: string): void
  /** Throws ENOSPC. */
  takeSpace(file: MemoryFile, end: number): void
}

/** Its calls take effect at once, and may fail all the same. */
export function memoryCleaningFiles(disk: CleanedDisk): CleaningFiles {
  const { calls } = disk
  return {
    openToRead(path) {
      calls.begin('open', path)
      const file = disk.file(path)
      return {
        modifiedMs: file.modifiedMs,
        read: (into, at, length, position) => {
          calls.begin('read', path, { position })
          return file.read(position, length).copy(into, at)
        },
        close: () => {},
      }
    },
    create(path) {
      calls.begin('open', path)
      const file = new MemoryFile()
      disk.put(path, file)
      const sync = (): void => {
        calls.begin('datasync', path)
        if (!disk.syncLies) file.sync()
      }
      return {
        write: (bytes) => {
          const written = Buffer.from(bytes)
          calls.begin('write', path, { position: file.size, buffers: [written] })
          disk.takeSpace(file, file.size + written.length)
          file.write(file.size, written)
        },
        datasync: sync,
        finish: (modifiedMs) => {
          file.modifiedMs = modifiedMs
          sync()
        },
        close: () => {},
      }
    },
    remove(path) {
      calls.begin('unlink', path)
      disk.remove(path)
    },
    freeBytes: () => disk.freeBytes,
  }
}

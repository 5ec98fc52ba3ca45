import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'

/**
 * Puts a small file in place whole or not at all: written beside it, synced, renamed over it, directory synced. Durable
 * when it resolves; after a crash either the old content or the new is there.
 */
export async function replaceFile(
  fileSystem: FileSystem,
  directory: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const target = path.join(directory, name)
  const temporary = `${target}.tmp`
  const file = await fileSystem.open(temporary, { create: true })
  try {
    await file.truncate(0)
    await file.write([content], 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await fileSystem.rename(temporary, target)
  await fileSystem.syncDirectory(directory)
}

/** The whole content of a small file. Rejects with ENOENT if it is missing. */
export async function readWhole(fileSystem: FileSystem, filePath: string): Promise<Buffer> {
  const file = await fileSystem.open(filePath, { readOnly: true })
  try {
    return await file.read(0, await file.size())
  } finally {
    await file.close()
  }
}

import type { FileSystem } from '../file-system.ts'

/**
 * Makes an empty segment file; what an earlier attempt left under that name was never committed and goes. Its directory
 * entry is not synced.
 */
export async function createSegmentFile(fileSystem: FileSystem, path: string): Promise<void> {
  const file = await fileSystem.open(path, { create: true })
  try {
    if ((await file.size()) > 0) await file.truncate(0)
  } finally {
    await file.close()
  }
}

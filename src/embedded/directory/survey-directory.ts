import type { FileSystem } from '../file-system.ts'
import { errorCode } from '../startup-error.ts'
import { META_PROPERTIES, readMetaProperties, type StoredMetaProperties } from './meta-properties.ts'

/** What a path of `log.dirs` holds, as found before anything is written. */
export type Survey =
  | {
      readonly kind: 'formatted'
      readonly path: string
      readonly meta: StoredMetaProperties
      readonly hasPartitions: boolean
    }
  /** Nothing that could be anybody's data. */
  | { readonly kind: 'empty'; readonly path: string }
  | { readonly kind: 'missing'; readonly path: string }
  /** No meta.properties, but files. */
  | { readonly kind: 'occupied'; readonly path: string; readonly entry: string }
  | { readonly kind: 'failed'; readonly path: string; readonly error: unknown }

export type Formatted = Extract<Survey, { kind: 'formatted' }>

/** Rejects only with the StartupError of a meta.properties that must not be touched. */
export async function surveyDirectory(fileSystem: FileSystem, path: string): Promise<Survey> {
  let entries: readonly string[]
  try {
    entries = await fileSystem.readdir(path)
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? { kind: 'missing', path } : { kind: 'failed', path, error }
  }
  if (!entries.includes(META_PROPERTIES)) {
    const entry = entries.find((name) => !isHarmless(name))
    return entry === undefined ? { kind: 'empty', path } : { kind: 'occupied', path, entry }
  }
  try {
    const meta = await readMetaProperties(fileSystem, path)
    const hasPartitions = entries.some((name) => /-\d+$/.test(name) && !/^journal-[01]$/.test(name))
    return meta ? { kind: 'formatted', path, meta, hasPartitions } : { kind: 'missing', path }
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    return { kind: 'failed', path, error }
  }
}

/** Hidden files, a mount point's lost+found, and what a first start leaves that was broken off before meta.properties. */
function isHarmless(name: string): boolean {
  return (
    name.startsWith('.') ||
    name === 'lost+found' ||
    name.endsWith('.tmp') ||
    /^catalogue\.db(-journal|-wal|-shm)?$/.test(name)
  )
}

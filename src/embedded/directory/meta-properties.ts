import * as path from 'node:path'
import type { FileSystem } from '../file-system.ts'
import { errorCode, ForeignDataError, NewerVersionError, StartupError } from '../startup-error.ts'
import { isUuid } from '../uuid.ts'
import { readWhole, replaceFile } from './replace-file.ts'

/** Who a log directory belongs to. Kafka's file and names (org.apache.kafka.metadata.properties), and two of ours. */
export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  /** Made once, kept for good: partitions are placed on it, not on the path. */
  readonly directoryId: string
  /** Id of the one directory that holds `catalogue.db`. */
  readonly catalogueDirectoryId: string
}

export interface StoredMetaProperties extends MetaProperties {
  /** Of all that lies in the directory. */
  readonly formatVersion: number
}

export const META_PROPERTIES = 'meta.properties'

/** Of Kafka's file. */
const VERSION = '1'
/**
 * Of all that lies in the directory. A directory with a greater one is refused untouched; one with a smaller one is
 * raised before anything is written that an earlier release could not read.
 *
 * 1: checkpoints of segments that never change. 2: segments have generations, frames hold facts of publish requests.
 */
export const FORMAT_VERSION = 2

/** Undefined where there is no such file. Throws StartupError where it is not ours, newer, or damaged. */
export async function readMetaProperties(
  fileSystem: FileSystem,
  directory: string,
): Promise<StoredMetaProperties | undefined> {
  const file = path.join(directory, META_PROPERTIES)
  try {
    return parseMetaProperties((await readWhole(fileSystem, file)).toString('utf8'), file)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export function writeMetaProperties(fileSystem: FileSystem, directory: string, meta: MetaProperties): Promise<void> {
  return replaceFile(fileSystem, directory, META_PROPERTIES, Buffer.from(metaPropertiesText(meta, FORMAT_VERSION)))
}

export function metaPropertiesText(meta: MetaProperties, formatVersion: number): string {
  const lines = [
    `version=${VERSION}`,
    `format.version=${formatVersion}`,
    `cluster.id=${meta.clusterId}`,
    `node.id=${meta.nodeId}`,
    `directory.id=${meta.directoryId}`,
    `catalogue.directory.id=${meta.catalogueDirectoryId}`,
  ]
  return `${lines.join('\n')}\n`
}

export function parseMetaProperties(text: string, file: string): StoredMetaProperties {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (equals > 0 && !line.startsWith('#')) values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim())
  }
  const formatVersion = checkedFormatVersion(values, file)
  const nodeId = Number(values.get('node.id'))
  if (!values.has('node.id') || !Number.isSafeInteger(nodeId) || nodeId < 0) throw damaged(file, 'node.id')
  return {
    clusterId: nonEmpty(values, 'cluster.id', file),
    nodeId,
    directoryId: uuid(values, 'directory.id', file),
    catalogueDirectoryId: uuid(values, 'catalogue.directory.id', file),
    formatVersion,
  }
}

function checkedFormatVersion(values: ReadonlyMap<string, string>, file: string): number {
  const format = values.get('format.version')
  // A line of ours: then it is the other one that was damaged.
  if (format === undefined && values.has('version') && !values.has('catalogue.directory.id')) {
    throw new ForeignDataError(
      `${file} was written by Apache Kafka: this directory holds a Kafka broker's data, which is left untouched. ` +
        `Set log.dirs to a directory of Posthorn's own.`,
    )
  }
  const formatVersion = Number(format)
  if (format === undefined || !Number.isSafeInteger(formatVersion) || formatVersion < 1) {
    throw damaged(file, 'format.version')
  }
  if (formatVersion > FORMAT_VERSION) {
    throw new NewerVersionError(
      `${file} says format.version=${formatVersion}, written by a newer release; this one reads up to ` +
        `${FORMAT_VERSION}. Nothing was touched. Start the newer release, or set log.dirs to another directory.`,
    )
  }
  if (values.get('version') !== VERSION) throw damaged(file, 'version')
  return formatVersion
}

function nonEmpty(values: ReadonlyMap<string, string>, name: string, file: string): string {
  const value = values.get(name)
  if (!value) throw damaged(file, name)
  return value
}

function uuid(values: ReadonlyMap<string, string>, name: string, file: string): string {
  const value = nonEmpty(values, name, file)
  if (!isUuid(value)) throw damaged(file, name)
  return value
}

function damaged(file: string, name: string): StartupError {
  return new StartupError(
    `${file} is damaged: '${name}' is missing or has no valid value. Nothing was touched. Run 'posthorn repair' with ` +
      `the same configuration: it puts the file back by the catalogue and its copies.`,
  )
}

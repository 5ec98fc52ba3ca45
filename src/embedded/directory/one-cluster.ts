import * as path from 'node:path'
import { StartupError } from '../startup-error.ts'
import type { Formatted } from './survey-directory.ts'

export function checkDistinct(logDirs: readonly string[]): void {
  const seen = new Set<string>()
  for (const directory of logDirs) {
    const resolved = path.resolve(directory)
    if (seen.has(resolved)) throw new StartupError(`log.dirs names ${resolved} twice. Name each directory once.`)
    seen.add(resolved)
  }
}

/** Throws StartupError unless all belong to this node and its one cluster, and none is a copy of another. */
export function checkOneCluster(formatted: readonly Formatted[], nodeId: number): void {
  const [first] = formatted
  if (!first) return
  const pathById = new Map<string, string>()
  for (const { path: directory, meta } of formatted) {
    differs(
      'cluster.id',
      directory,
      meta.clusterId,
      first.path,
      first.meta.clusterId,
      "Name directories of one cluster; if a meta.properties was damaged, run 'posthorn repair'",
    )
    differs(
      'catalogue.directory.id',
      directory,
      meta.catalogueDirectoryId,
      first.path,
      first.meta.catalogueDirectoryId,
      "Run 'posthorn repair', or leave out the directory that was put back",
    )
    if (meta.nodeId !== nodeId) {
      throw new StartupError(
        `${directory} belongs to node.id ${meta.nodeId}, but node.id is ${nodeId}. Nothing was touched. Set ` +
          `node.id=${meta.nodeId}, or log.dirs to this node's directories.`,
      )
    }
    const twin = pathById.get(meta.directoryId)
    if (twin) {
      throw new StartupError(
        `${twin} and ${directory} have the same directory.id ${meta.directoryId}: one is a copy of the other. Nothing ` +
          `was touched. Leave the copy out of log.dirs.`,
      )
    }
    pathById.set(meta.directoryId, directory)
  }
}

function differs(
  name: string,
  directory: string,
  value: string,
  other: string,
  expected: string,
  remedy: string,
): void {
  if (value === expected) return
  throw new StartupError(
    `The log directories do not belong together: ${directory} has ${name}=${value}, ${other} has ${name}=${expected}. ` +
      `Nothing was touched. ${remedy}.`,
  )
}

import * as path from 'node:path'
import type { Logger } from '../../broker/logger.ts'
import { crc32c } from '../../codec/crc32c.ts'
import type { LogDirectory } from '../directory/log-directory.ts'
import { readWhole, replaceFile } from '../directory/replace-file.ts'
import type { FileSystem } from '../file-system.ts'
import { errorMessage } from '../startup-error.ts'
import type { CatalogueState } from './catalogue-state.ts'

export const CATALOGUE_SNAPSHOT = 'catalogue.snapshot'

/**
 * The catalogue's copy in each log directory, for the day its database is lost. Text, two lines:
 *
 *     posthorn-catalogue 1 <CRC-32C of the second line, 8 hexadecimal digits>
 *     <CatalogueState as JSON>
 */
const HEADER = /^posthorn-catalogue 1 ([0-9a-f]{8})$/

export function encodeSnapshot(state: CatalogueState): Buffer {
  const body = Buffer.from(JSON.stringify(state))
  return Buffer.concat([Buffer.from(`posthorn-catalogue 1 ${checksum(body)}\n`), body, Buffer.from('\n')])
}

/** Undefined where the bytes are not a whole, undamaged snapshot. */
export function decodeSnapshot(bytes: Buffer): CatalogueState | undefined {
  const lineEnd = bytes.indexOf('\n')
  const header = HEADER.exec(bytes.toString('latin1', 0, Math.max(lineEnd, 0)))
  if (!header || bytes.at(-1) !== 0x0a) return undefined
  const body = bytes.subarray(lineEnd + 1, -1)
  if (checksum(body) !== header[1]) return undefined
  const state: CatalogueState = JSON.parse(body.toString('utf8'))
  return state
}

function checksum(body: Buffer): string {
  return crc32c(body).toString(16).padStart(8, '0')
}

/** The snapshot in a directory; undefined where there is none that is valid. */
export async function readSnapshot(fileSystem: FileSystem, directory: string): Promise<CatalogueState | undefined> {
  try {
    return decodeSnapshot(await readWhole(fileSystem, path.join(directory, CATALOGUE_SNAPSHOT)))
  } catch {
    return undefined
  }
}

export interface SnapshotWriterOptions {
  readonly fileSystem: FileSystem
  /** Asked at each write: those that are online get the copy. */
  readonly directories: readonly LogDirectory[]
  readonly state: () => CatalogueState
  readonly logger: Logger
}

/** Writes the snapshots, one write at a time; what changes meanwhile shares the next one. */
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(options: SnapshotWriterOptions) {
    this.#options = options
  }

  /** Resolves when every online directory has a copy at least as new as the state of now, or has failed to take it. */
  save(): Promise<void> {
    this.#next ??= this.#running = this.#running.then(() => {
      this.#next = undefined
      return this.#write()
    })
    return this.#next
  }

  async #write(): Promise<void> {
    const { directories, state } = this.#options
    const bytes = encodeSnapshot(state())
    const online = directories.filter((directory) => directory.online)
    await Promise.all(online.map((directory) => this.#writeTo(directory, bytes)))
  }

  /** A copy that could not be written leaves the older one: worth a warning, no reason to refuse the change. */
  async #writeTo(directory: LogDirectory, bytes: Buffer): Promise<void> {
    try {
      await directory.reserve.spend(() =>
        replaceFile(this.#options.fileSystem, directory.path, CATALOGUE_SNAPSHOT, bytes),
      )
    } catch (error) {
      this.#options.logger.warn(
        { logDir: directory.path },
        `the catalogue's snapshot could not be written: ${errorMessage(error)}`,
      )
    }
  }
}

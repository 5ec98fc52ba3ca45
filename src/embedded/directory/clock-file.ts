import * as path from 'node:path'
import { crc32c } from '../../codec/crc32c.ts'
import type { FileSystem } from '../file-system.ts'
import { isMissing } from '../log/storage-failure.ts'
import { readWhole, replaceFile } from './replace-file.ts'

/*
 * `clock` of a log directory: the highest wall time that was believed, for the next start to compare with.
 *
 *   posthorn-clock 1 <Unix milliseconds> <CRC-32C of what is before it, 8 hex digits>\n
 */
export const CLOCK_FILE = 'clock'
const FORM = /^(posthorn-clock 1 (\d{1,16}) )([0-9a-f]{8})\n$/

export function writeClockFile(fileSystem: FileSystem, directory: string, highestSeenMs: number): Promise<void> {
  const text = `posthorn-clock 1 ${highestSeenMs} `
  return replaceFile(fileSystem, directory, CLOCK_FILE, Buffer.from(`${text}${checksum(text)}\n`))
}

/** Undefined where there is none. Throws where it is damaged. */
export async function readClockFile(fileSystem: FileSystem, directory: string): Promise<number | undefined> {
  let content: Buffer
  try {
    content = await readWhole(fileSystem, path.join(directory, CLOCK_FILE))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  const [, text = '', time = '', crc] = FORM.exec(content.toString('latin1')) ?? []
  if (crc !== checksum(text)) throw new Error(`${path.join(directory, CLOCK_FILE)} is damaged`)
  return Number(time)
}

function checksum(text: string): string {
  return crc32c(Buffer.from(text)).toString(16).padStart(8, '0')
}

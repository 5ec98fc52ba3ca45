import * as fs from 'node:fs'
import * as path from 'node:path'

/** What has happened to a file. */
export interface Damage {
  /** Relative to the log directory. */
  readonly file: string
  readonly at: number
  /** Of the byte at `at`; none: the sector from `at` on reads as zeros. */
  readonly bit?: number
}

export const SECTOR_BYTES = 512

export function applyDamage(directory: string, { file, at, bit }: Damage): void {
  const descriptor = fs.openSync(path.join(directory, file), 'r+')
  try {
    if (bit === undefined) {
      const { size } = fs.fstatSync(descriptor)
      fs.writeSync(descriptor, Buffer.alloc(Math.min(SECTOR_BYTES, size - at)), 0, undefined, at)
      return
    }
    const byte = Buffer.alloc(1)
    fs.readSync(descriptor, byte, 0, 1, at)
    fs.writeSync(descriptor, Buffer.from([byte.readUInt8(0) ^ (1 << bit)]), 0, 1, at)
  } finally {
    fs.closeSync(descriptor)
  }
}

export function sizeOf(directory: string, file: string): number {
  return fs.statSync(path.join(directory, file)).size
}

export function damageInWords({ file, at, bit }: Damage): string {
  return bit === undefined ? `a wiped sector at ${at} of ${file}` : `bit ${bit} of byte ${at} of ${file}`
}

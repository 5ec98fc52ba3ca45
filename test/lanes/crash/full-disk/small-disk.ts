import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { TestContext } from 'node:test'
import { cleanUpBehind, tempDirectory } from '../../../support/temp-directory.ts'

const CHUNKS_BYTES = [1024 * 1024, 4096, 1]

/** What a small disk needs that this machine does not have. */
export function missingForSmallDisks(): string | undefined {
  return process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'mounting a tmpfs needs Linux and root'
}

/** A file system of its own, in memory, that can be filled to the last byte. */
export class SmallDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static mount(t: TestContext, sizeMib: number): SmallDisk {
    const path = tempDirectory(t)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', path], { stdio: 'ignore' })
    cleanUpBehind(t, () => void execFileSync('umount', ['-l', path]))
    return new SmallDisk(path)
  }

  get freeBytes(): number {
    const { bavail, bsize } = fs.statfsSync(this.path)
    return bavail * bsize
  }

  /** Somebody else's file. @param maxBytes without it: to the last byte */
  fill(name: string, maxBytes = Infinity): void {
    const file = fs.openSync(join(this.path, name), 'w')
    let left = maxBytes
    for (const chunk of CHUNKS_BYTES) left = writeUntilFull(file, chunk, left)
    fs.closeSync(file)
  }

  remove(name: string): void {
    fs.rmSync(join(this.path, name))
  }
}

function writeUntilFull(file: number, chunkBytes: number, maxBytes: number): number {
  const chunk = Buffer.alloc(chunkBytes, 's')
  let left = maxBytes
  try {
    while (left >= chunkBytes) left -= fs.writeSync(file, chunk)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  return left
}

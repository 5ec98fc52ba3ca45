import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, realpathSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

const run = promisify(execFile)

export interface RefusingDiskOptions {
  readonly sizeMib: number
  /** As few files as that; as many as usual where this says nothing. */
  readonly inodes?: number
}

/** An ext4 in a file that goes read-only at its first error, as a root file system mostly does. */
export class RefusingDisk {
  readonly path: string
  readonly #image: string
  #isMounted = false

  private constructor(image: string, path: string) {
    this.#image = image
    this.path = path
  }

  static async make(t: TestContext, { sizeMib, inodes }: RefusingDiskOptions): Promise<RefusingDisk> {
    const folder = tempDirectory(t)
    const image = join(folder, 'image')
    const disk = new RefusingDisk(image, join(folder, 'disk'))
    writeFileSync(image, '')
    truncateSync(image, sizeMib * 1024 * 1024)
    mkdirSync(disk.path)
    const few = inodes === undefined ? [] : ['-N', String(inodes)]
    await run('mkfs.ext4', ['-q', '-F', '-m', '0', '-e', 'remount-ro', ...few, image])
    cleanUpBehind(t, () => disk.unmount())
    await disk.mount()
    return disk
  }

  async mount(how: 'rw' | 'ro' = 'rw'): Promise<void> {
    await run('mount', ['-o', `loop,${how}`, '-t', 'ext4', this.#image, this.path])
    this.#isMounted = true
  }

  async unmount(): Promise<void> {
    if (!this.#isMounted) return
    await run('umount', [this.path])
    this.#isMounted = false
  }

  /** The file system meets an error of its own: from now on every write is refused, and what is there can be read. */
  goReadOnly(): void {
    const device = execFileSync('findmnt', ['-n', '-o', 'SOURCE', this.path]).toString().trim()
    writeFileSync(`/sys/fs/ext4/${basename(realpathSync(device))}/trigger_fs_error`, 'as if something were wrong')
  }
}

/** Of a running process. */
export function limit(pid: number, resource: 'fsize' | 'nofile', value: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--${resource}=${value}:`])
}

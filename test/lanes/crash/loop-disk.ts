import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { cleanUpBehind } from '../../support/temp-directory.ts'

const run = promisify(execFile)

export type DiskKind = 'ext4' | 'xfs'

const makers: Record<DiskKind, readonly string[]> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-m', '0'],
  xfs: ['mkfs.xfs', '-q', '-f'],
}

/** What is missing on this machine for power cuts; undefined where there is nothing. */
export function missingForPowerCuts(): string | undefined {
  if (process.platform !== 'linux') return 'power cuts need Linux'
  if (process.getuid?.() !== 0) return 'power cuts need root, to mount file systems'
  for (const tool of ['xfs_io', 'mkfs.xfs', 'mkfs.ext4', 'mount', 'losetup']) {
    try {
      execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' })
    } catch {
      return `power cuts need ${tool} (Debian: xfsprogs, e2fsprogs, mount)`
    }
  }
  return mountTrouble()
}

/** A container may be root and yet not mount. */
function mountTrouble(): string | undefined {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'posthorn-test-mount-'))
  const image = join(folder, 'image')
  const point = join(folder, 'point')
  try {
    writeFileSync(image, '')
    truncateSync(image, 8 * 1024 * 1024)
    mkdirSync(point)
    const quiet = { stdio: 'pipe' } as const
    execFileSync('mkfs.ext4', ['-q', '-F', image], quiet)
    execFileSync('mount', ['-o', 'loop', '-t', 'ext4', image, point], quiet)
    execFileSync('umount', [point], quiet)
    return undefined
  } catch (error) {
    return `power cuts need to mount a file: ${error instanceof Error ? error.message.split('\n')[1] : String(error)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A file system in a file, whose power can be cut: what was not synced is gone then. */
export class LoopDisk {
  readonly path: string
  readonly #kind: DiskKind
  readonly #image: string
  #isMounted = false

  private constructor(kind: DiskKind, image: string, path: string) {
    this.#kind = kind
    this.#image = image
    this.path = path
  }

  static async make(t: TestContext, kind: DiskKind, folder: string, sizeMib: number): Promise<LoopDisk> {
    const image = join(folder, `${kind}.image`)
    const disk = new LoopDisk(kind, image, join(folder, kind))
    writeFileSync(image, '')
    truncateSync(image, sizeMib * 1024 * 1024)
    mkdirSync(disk.path)
    const [program = '', ...options] = makers[kind]
    await run(program, [...options, image])
    cleanUpBehind(t, async () => {
      await disk.unmount()
      rmSync(image, { force: true })
    })
    return disk
  }

  async mount(): Promise<void> {
    await run('mount', ['-o', 'loop', '-t', this.#kind, this.#image, this.path])
    this.#isMounted = true
  }

  /** Nothing that uses the disk may run any more: a sync under way would still come through. */
  async cutPower(): Promise<void> {
    await this.shutDown()
    await this.unmount()
  }

  /** Under those who use it: each of their calls fails from now on. */
  async shutDown(): Promise<void> {
    await run('xfs_io', ['-x', '-c', 'shutdown', this.path])
  }

  async unmount(): Promise<void> {
    if (!this.#isMounted) return
    await run('umount', [this.path])
    this.#isMounted = false
  }
}

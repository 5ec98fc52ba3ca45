import { readFileSync, realpathSync, statfsSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { mountOf } from './mounts.ts'

export interface Machine {
  readonly processors: string
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Of the data directories: device, type of file system, free space. */
  readonly storage: string
  /** The data is in memory, so that a sync costs nothing: no figure of publishing means anything. */
  readonly storageIsMemory: boolean
}

export function thisMachine(dataFolder: string): Machine {
  const cores = cpus()
  const mount = mountOf(realpathSync(dataFolder), mountsText())
  const { bavail, bsize } = statfsSync(dataFolder)
  const free = `${Math.round((bavail * bsize) / 1024 ** 3)} GiB free`
  return {
    processors: `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown CPU'}`,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    storage: mount === undefined ? free : `${mount.type} on ${mount.device} (${mount.options}), ${free}`,
    storageIsMemory: mount?.type === 'tmpfs' || mount?.type === 'ramfs',
  }
}

function mountsText(): string {
  try {
    return readFileSync('/proc/self/mounts', 'utf8')
  } catch {
    return ''
  }
}

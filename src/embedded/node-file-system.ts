import * as fs from 'node:fs'
import { constants } from 'node:fs'
import * as path from 'node:path'
import { promisify } from 'node:util'
import type { FileFacts, FileHandle, FileSystem, OpenOptions } from './file-system.ts'

const open = promisify(fs.open)
const close = promisify(fs.close)
const fdatasync = promisify(fs.fdatasync)
const fsync = promisify(fs.fsync)
const ftruncate = promisify(fs.ftruncate)
const fstat = promisify(fs.fstat)

/** The machine's disk. All calls run in libuv's pool, which `main.ts` makes large enough that syncs do not starve reads. */
export const nodeFileSystem: FileSystem = {
  async open(filePath, options = {}) {
    const handle = new NodeFileHandle(filePath, await open(filePath, openFlags(options), 0o600))
    if (!options.durable) return handle
    try {
      await handle.openDurable()
    } catch (error) {
      await handle.close()
      throw error
    }
    return handle
  },
  async mkdir(directory) {
    await fs.promises.mkdir(directory, { mode: 0o700 })
  },
  readdir: (directory) => fs.promises.readdir(directory),
  async stat(filePath): Promise<FileFacts> {
    const facts = await fs.promises.stat(filePath)
    return { sizeBytes: facts.size, modifiedMs: facts.mtimeMs, directory: facts.isDirectory() }
  },
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (filePath) => fs.promises.unlink(filePath),
  removeTree: (directory) => fs.promises.rm(directory, { recursive: true, force: true }),
  async syncDirectory(directory) {
    const descriptor = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await fsync(descriptor)
    } finally {
      await close(descriptor)
    }
  },
  async space(anyPath) {
    const facts = await fs.promises.statfs(path.resolve(anyPath))
    return { totalBytes: facts.blocks * facts.bsize, freeBytes: facts.bavail * facts.bsize }
  },
}

function openFlags(options: OpenOptions): number {
  if (options.readOnly) return constants.O_RDONLY
  let flags = constants.O_RDWR
  if (options.create) flags |= constants.O_CREAT
  if (options.exclusive) flags |= constants.O_EXCL
  return flags
}

class NodeFileHandle implements FileHandle {
  readonly #path: string
  readonly #descriptor: number
  /** A second descriptor opened with O_DSYNC: a write through it is durable on return, in one trip to the pool. */
  #durableDescriptor: number | undefined
  #opening: Promise<number> | undefined

  constructor(filePath: string, descriptor: number) {
    this.#path = filePath
    this.#descriptor = descriptor
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length)
    let filled = 0
    while (filled < length) {
      const count = await readOnce(this.#descriptor, buffer, filled, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled === length ? buffer : buffer.subarray(0, filled)
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return writeAll(this.#descriptor, buffers, position)
  }

  writeDurably(buffers: readonly Uint8Array[], position: number): Promise<void> {
    if (this.#durableDescriptor !== undefined) return writeAll(this.#durableDescriptor, buffers, position)
    return this.openDurable().then((descriptor) => writeAll(descriptor, buffers, position))
  }

  async openDurable(): Promise<number> {
    this.#opening ??= open(this.#path, constants.O_WRONLY | constants.O_DSYNC)
    try {
      this.#durableDescriptor = await this.#opening
    } catch (error) {
      this.#opening = undefined
      throw error
    }
    return this.#durableDescriptor
  }

  datasync(): Promise<void> {
    return fdatasync(this.#descriptor)
  }

  truncate(sizeBytes: number): Promise<void> {
    return ftruncate(this.#descriptor, sizeBytes)
  }

  async size(): Promise<number> {
    return (await fstat(this.#descriptor)).size
  }

  async close(): Promise<void> {
    if (this.#opening) await close(await this.#opening)
    await close(this.#descriptor)
  }
}

function readOnce(descriptor: number, buffer: Buffer, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, buffer, offset, buffer.length - offset, position, (error, count) => {
      if (error) reject(error)
      else resolve(count)
    })
  })
}

/** The kernel takes at most this many buffers in one call (IOV_MAX). */
const BUFFERS_PER_CALL_MAX = 1024

/** Group after group, going on behind a short write. */
async function writeAll(descriptor: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers
  let at = position
  for (;;) {
    const group = rest.length > BUFFERS_PER_CALL_MAX ? rest.slice(0, BUFFERS_PER_CALL_MAX) : rest
    const wanted = lengthOf(group)
    const count = wanted === 0 ? 0 : await writeOnce(descriptor, group, at)
    if (count === wanted && group === rest) return
    if (count === 0 && wanted > 0) throw Object.assign(new Error('the write made no progress'), { code: 'EIO' })
    rest = behind(rest, count)
    at += count
  }
}

function lengthOf(buffers: readonly Uint8Array[]): number {
  let length = 0
  for (const buffer of buffers) length += buffer.length
  return length
}

function writeOnce(descriptor: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(descriptor, buffers, position, (error, count) => {
      if (error) reject(error)
      else resolve(count)
    })
  })
}

/** The buffers without their first `count` bytes. */
function behind(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let skip = count
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length
    else {
      rest.push(buffer.subarray(skip))
      skip = 0
    }
  }
  return rest
}

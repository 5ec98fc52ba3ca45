import * as path from 'node:path'
import type { FileHandle, FileSystem } from '../file-system.ts'
import { scanContiguous, type ContiguousBatches } from './segment-scan.ts'
import { parsePassingName, parseSegmentFileName, segmentFileName, segmentPath } from './segment-name.ts'
import type { SegmentFacts } from './segment.ts'

const WRITE_MAX_BYTES = 1024 * 1024
const COPY_BYTES = 1024 * 1024

/** The segment files of one partition while it is recovered: opened when needed, synced together at the end. */
export class RecoveringSegments {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  readonly #handles = new Map<number, FileHandle>()
  readonly #changed = new Set<FileHandle>()
  /** Of files that were not opened since: nothing else changes them now. */
  readonly #sizes = new Map<number, number>()
  #entriesChanged = false
  /** Neighbouring writes are gathered into one. */
  #run: { baseOffset: number; position: number; buffers: Buffer[]; bytes: number } | undefined

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem
    this.#directory = directory
  }

  /**
   * The directory's names, after changes of segments that were interrupted are brought to the side on which the
   * checkpoint is: what it names comes to its final name, what it has removed or never came to name goes.
   *
   * @param removes false where the checkpoint may not be the newest: then nothing goes
   */
  async settle(segments: readonly SegmentFacts[], removes: boolean): Promise<ReadonlySet<string>> {
    const names = new Set(await this.#fileSystem.readdir(this.#directory))
    for (const name of names) {
      const baseOffset = parseSegmentFileName(name)
      const goes =
        baseOffset !== undefined ? isSuperseded(baseOffset, segments) : isPassing(name) && !isNamedSwap(name, segments)
      if (goes && removes) await this.#remove(name, names)
    }
    // A replaced file may stand where its successor belongs: by now all that could be mistaken for one is gone.
    for (const name of names) if (isNamedSwap(name, segments)) await this.#complete(name, names)
    return names
  }

  async #remove(name: string, names: Set<string>): Promise<void> {
    await this.#fileSystem.unlink(path.join(this.#directory, name))
    names.delete(name)
    this.#entriesChanged = true
  }

  async #complete(name: string, names: Set<string>): Promise<void> {
    const final = segmentFileName(parsePassingName(name)?.baseOffset ?? 0)
    await this.#fileSystem.rename(path.join(this.#directory, name), path.join(this.#directory, final))
    names.delete(name)
    names.add(final)
    this.#entriesChanged = true
  }

  async exists(baseOffset: number): Promise<boolean> {
    const names = await this.#fileSystem.readdir(this.#directory)
    return names.includes(path.basename(segmentPath(this.#directory, baseOffset)))
  }

  async size(baseOffset: number): Promise<number> {
    const open = this.#handles.get(baseOffset)
    if (open) return open.size()
    const known = this.#sizes.get(baseOffset)
    if (known !== undefined) return known
    const { sizeBytes } = await this.#fileSystem.stat(segmentPath(this.#directory, baseOffset))
    this.#sizes.set(baseOffset, sizeBytes)
    return sizeBytes
  }

  async create(baseOffset: number): Promise<void> {
    this.#changed.add(await this.#open(baseOffset))
  }

  async scan(
    baseOffset: number,
    position: number,
    firstOffset: number,
    untilOffset: number,
  ): Promise<ContiguousBatches> {
    return scanContiguous(await this.#open(baseOffset), position, firstOffset, untilOffset)
  }

  async read(baseOffset: number, position: number, lengthBytes: number): Promise<Buffer> {
    return (await this.#open(baseOffset)).read(position, lengthBytes)
  }

  async write(baseOffset: number, position: number, bytes: Buffer): Promise<void> {
    const run = this.#run
    if (run && run.baseOffset === baseOffset && run.position + run.bytes === position && run.bytes < WRITE_MAX_BYTES) {
      run.buffers.push(bytes)
      run.bytes += bytes.length
      return
    }
    await this.flush()
    this.#run = { baseOffset, position, buffers: [bytes], bytes: bytes.length }
  }

  async flush(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    if (!run) return
    const file = await this.#open(run.baseOffset)
    this.#changed.add(file)
    await file.write(run.buffers, run.position)
  }

  /** Cuts the file, its end kept beside it: nothing that might have been a record is lost. */
  async cut(baseOffset: number, sizeBytes: number, round: number): Promise<void> {
    const file = await this.#open(baseOffset)
    const end = await file.size()
    const keptPath = `${segmentPath(this.#directory, baseOffset)}.${sizeBytes}-${round}.torn`
    const kept = await this.#fileSystem.open(keptPath, { create: true })
    try {
      for (let at = sizeBytes; at < end; at += COPY_BYTES) {
        await kept.write([await file.read(at, Math.min(COPY_BYTES, end - at))], at - sizeBytes)
      }
      await kept.datasync()
    } catch (error) {
      await this.#fileSystem.unlink(keptPath).catch(() => undefined)
      throw error
    } finally {
      await kept.close()
    }
    await this.#fileSystem.syncDirectory(this.#directory)
    await file.truncate(sizeBytes)
    this.#changed.add(file)
  }

  /** Takes a whole segment out of the log; an empty one goes. */
  async setAside(baseOffset: number, round: number): Promise<void> {
    const file = segmentPath(this.#directory, baseOffset)
    if ((await this.size(baseOffset)) === 0) await this.#fileSystem.unlink(file)
    else await this.#fileSystem.rename(file, `${file}.0-${round}.torn`)
    this.#entriesChanged = true
  }

  async sync(): Promise<void> {
    for (const file of this.#changed) await file.datasync()
    if (this.#entriesChanged) await this.#fileSystem.syncDirectory(this.#directory)
    this.#changed.clear()
  }

  async close(): Promise<void> {
    for (const file of this.#handles.values()) await file.close()
    this.#handles.clear()
  }

  async #open(baseOffset: number): Promise<FileHandle> {
    const known = this.#handles.get(baseOffset)
    if (known) return known
    const file = segmentPath(this.#directory, baseOffset)
    const handle = await this.#fileSystem.open(file).catch(async (error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      this.#entriesChanged = true
      return this.#fileSystem.open(file, { create: true })
    })
    this.#handles.set(baseOffset, handle)
    return handle
  }
}

/**
 * Whether the segments of a checkpoint say that a file was removed or replaced: it lies before the first, or within one
 * that replaced others. Anything else that they do not name may hold records that were lost sight of, and stays.
 */
function isSuperseded(baseOffset: number, segments: readonly SegmentFacts[]): boolean {
  const around = segments.findLast((segment) => segment.baseOffset <= baseOffset)
  if (!around) return segments.length > 0
  return around.generation > 0 && around.baseOffset < baseOffset
}

function isPassing(name: string): boolean {
  return parsePassingName(name) !== undefined
}

function isNamedSwap(fileName: string, segments: readonly SegmentFacts[]): boolean {
  const passing = parsePassingName(fileName)
  if (passing?.name !== 'swap') return false
  const { baseOffset, generation } = passing
  return segments.some((segment) => segment.baseOffset === baseOffset && segment.generation === generation)
}

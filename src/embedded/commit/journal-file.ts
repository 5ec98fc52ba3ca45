import * as path from 'node:path'
import { crc32c } from '../../codec/crc32c.ts'
import type { FileHandle, FileSystem } from '../file-system.ts'
import { FRAME_ALIGNMENT_BYTES, JOURNAL_ID_BYTES } from './frame.ts'

/*
 * The first 4 KiB of a journal file, written once; frames follow.
 *
 *    0  magic      uint32  "PHJH"
 *    4  crc        uint32  CRC-32C of bytes 8 to 19
 *    8  version    uint32  1
 *   12  journalId  8 bytes, the same in both files
 */
const MAGIC = 0x50484a48
const VERSION = 1
const HEADER_BYTES = 20

/** Where frames begin. */
export const FRAMES_START = FRAME_ALIGNMENT_BYTES

export function journalFileName(index: number): string {
  return `journal-${index}`
}

/** Written and synced at once: each sync of a growing file is a transaction of the file system, which rounds wait for. */
const CHUNK_BYTES = 8 * 1024 * 1024
const zeros = Buffer.alloc(256 * 1024)

/**
 * One of a directory's two journal files. Frames are only ever written over bytes that were really written before (and
 * synced), so that syncing a frame carries no metadata and cannot meet a full disk.
 */
export class JournalFile {
  readonly #handle: FileHandle
  /** The file's bytes up to here are written. */
  #allocatedBytes: number
  #allocation: Promise<void> = Promise.resolve()
  /** Round of the newest frame it holds; 0 = none. */
  newestRound = 0

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle
    this.#allocatedBytes = sizeBytes - (sizeBytes % FRAME_ALIGNMENT_BYTES)
  }

  /**
   * Opens the file, making it if it is missing; its directory entry is not synced. All the descriptors it takes are held
   * from here on: a frame that found none left would cost the directory.
   */
  static async open(fileSystem: FileSystem, directory: string, index: number): Promise<JournalFile> {
    const handle = await fileSystem.open(path.join(directory, journalFileName(index)), { create: true, durable: true })
    return new JournalFile(handle, await handle.size())
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  readAll(): Promise<Buffer> {
    return this.#handle.size().then((size) => this.#handle.read(0, size))
  }

  /** Durable when it resolves. */
  async writeHeader(journalId: Uint8Array): Promise<void> {
    const block = Buffer.alloc(FRAME_ALIGNMENT_BYTES)
    block.writeUInt32BE(MAGIC, 0)
    block.writeUInt32BE(VERSION, 8)
    block.set(journalId, 12)
    block.writeUInt32BE(crc32c(block.subarray(8, HEADER_BYTES)), 4)
    await this.#handle.write([block], 0)
    await this.#handle.datasync()
    this.#allocatedBytes = Math.max(this.#allocatedBytes, FRAME_ALIGNMENT_BYTES)
  }

  /** Makes the file at least so large with zeros, synced. Rejects with ENOSPC where the disk is full. */
  allocate(sizeBytes: number): Promise<void> {
    if (this.#allocatedBytes >= sizeBytes) return Promise.resolve()
    const grown = this.#allocation.then(() => this.#grow(sizeBytes))
    this.#allocation = grown.catch(() => {})
    return grown
  }

  async #grow(sizeBytes: number): Promise<void> {
    while (this.#allocatedBytes < sizeBytes) {
      const length = Math.min(CHUNK_BYTES, sizeBytes - this.#allocatedBytes)
      await this.#handle.write(zeroBuffers(length), this.#allocatedBytes)
      await this.#handle.datasync()
      this.#allocatedBytes += length
    }
  }

  /** Into allocated bytes. Durable only after `datasync`. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#handle.write(buffers, position)
  }

  writeDurably(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#handle.writeDurably(buffers, position)
  }

  datasync(): Promise<void> {
    return this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#allocation
    await this.#handle.close()
  }
}

function zeroBuffers(sizeBytes: number): Uint8Array[] {
  const buffers: Uint8Array[] = Array.from({ length: Math.floor(sizeBytes / zeros.length) }, () => zeros)
  const rest = sizeBytes % zeros.length
  return rest === 0 ? buffers : [...buffers, zeros.subarray(0, rest)]
}

/** The journal id in a file's first bytes; undefined if they are not as they were written. */
export function readJournalId(content: Buffer): Buffer | undefined {
  if (content.length < HEADER_BYTES || content.readUInt32BE(0) !== MAGIC) return undefined
  if (crc32c(content.subarray(8, HEADER_BYTES)) !== content.readUInt32BE(4)) return undefined
  if (content.readUInt32BE(8) !== VERSION) return undefined
  return Buffer.from(content.subarray(12, 12 + JOURNAL_ID_BYTES))
}

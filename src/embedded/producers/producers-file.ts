import * as path from 'node:path'
import { crc32c } from '../../codec/crc32c.ts'
import { readInt64, writeInt64 } from '../../codec/int64.ts'
import type { ProducersFileMark } from '../commit/producers-file-section.ts'
import type { FileHandle, FileSystem } from '../file-system.ts'
import { isMissing } from '../log/storage-failure.ts'

/*
 * The file `producers` of a log directory. Numbers are big-endian.
 *
 *    0  magic         uint32  "PHPR"
 *    4  crc           uint32  CRC-32C of bytes 8 to 39
 *    8  version       uint32  1
 *   12  (zero)        4 bytes
 *   16  generation    int64   rises each time the file is written anew
 *   24  initialBytes  int64   the file's size then
 *   32  lostMs        int64   facts of requests that came until then may be missing; 0 = none are
 *   40  (zero)        24 bytes
 *   64  pieces, one behind the other:
 *
 *         0  crc       uint32  CRC-32C of what follows, up to the piece's end
 *         4  length    uint32  bytes of facts
 *         8  position  int64   of the piece in the file: what an overwritten end leaves behind does not pass for one
 *        16  facts     see request-facts-codec.ts
 */
export const PRODUCERS_FILE = 'producers'
const MAGIC = 0x50485052
const VERSION = 1
export const PRODUCERS_HEADER_BYTES = 64
const HEADER_CHECKED_END = 40
export const PIECE_HEAD_BYTES = 16
export const PIECE_MAX_BYTES = 64 * 1024 * 1024

/** The facts of one log directory that journal frames no longer hold. */
export class ProducersFile {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  #exists = false
  #generation = 0
  #initialBytes = 0
  #sizeBytes = 0
  #lostMs = 0

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem
    this.#directory = directory
  }

  get exists(): boolean {
    return this.#exists
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** What it had when it was last written anew. */
  get initialBytes(): number {
    return this.#initialBytes
  }

  get lostMs(): number {
    return this.#lostMs
  }

  get mark(): ProducersFileMark | undefined {
    return this.#exists ? { generation: this.#generation, sizeBytes: this.#sizeBytes } : undefined
  }

  get #path(): string {
    return path.join(this.#directory, PRODUCERS_FILE)
  }

  /**
   * Reads what is there. False: something is missing of what the last checkpoint counted on; then the file has to be
   * replaced before anything is appended.
   */
  async load(mark: ProducersFileMark | undefined, onFacts: (facts: Buffer) => void): Promise<boolean> {
    this.#generation = mark?.generation ?? 0
    let file: FileHandle
    try {
      file = await this.#fileSystem.open(this.#path, { readOnly: true })
    } catch (error) {
      if (isMissing(error)) return mark === undefined
      throw error
    }
    try {
      return await this.#read(file, mark, onFacts)
    } finally {
      await file.close()
    }
  }

  async #read(
    file: FileHandle,
    mark: ProducersFileMark | undefined,
    onFacts: (facts: Buffer) => void,
  ): Promise<boolean> {
    const header = decodeProducersHeader(await file.read(0, PRODUCERS_HEADER_BYTES))
    if (!header) return false
    this.#exists = true
    const { generation, initialBytes, lostMs } = header
    this.#lostMs = lostMs
    this.#initialBytes = initialBytes
    const isOlder = mark !== undefined && generation < mark.generation
    this.#generation = isOlder ? mark.generation : generation
    const owedBytes = generation === mark?.generation ? mark.sizeBytes : initialBytes
    const { end, skipped } = await readPieces(file, owedBytes, onFacts)
    this.#sizeBytes = end
    return !isOlder && !skipped && end >= owedBytes
  }

  /** Durable when it resolves. If it rejects, the same may be appended once more. */
  async append(facts: readonly Uint8Array[]): Promise<void> {
    const piece = encodePiece(facts, this.#sizeBytes)
    const file = await this.#fileSystem.open(this.#path)
    try {
      await file.writeDurably(piece, this.#sizeBytes)
    } finally {
      await file.close()
    }
    this.#sizeBytes += byteLength(piece)
  }

  /** Puts another file in its place, or the first one: whole or not at all, and durable when it resolves. */
  async replace(facts: AsyncIterable<Uint8Array>, lostMs: number): Promise<void> {
    const generation = this.#generation + 1
    const temporary = `${this.#path}.tmp`
    let sizeBytes = PRODUCERS_HEADER_BYTES
    const file = await this.#fileSystem.open(temporary, { create: true })
    try {
      await file.truncate(0)
      for await (const bytes of facts) {
        const piece = encodePiece([bytes], sizeBytes)
        await file.write(piece, sizeBytes)
        sizeBytes += byteLength(piece)
      }
      await file.write([encodeHeader({ generation, initialBytes: sizeBytes, lostMs })], 0)
      await file.datasync()
    } finally {
      await file.close()
    }
    await this.#fileSystem.rename(temporary, this.#path)
    await this.#fileSystem.syncDirectory(this.#directory)
    this.#exists = true
    this.#generation = generation
    this.#initialBytes = sizeBytes
    this.#sizeBytes = sizeBytes
    this.#lostMs = lostMs
  }
}

/** Up to the first piece that is not whole; before `owedBytes` such a piece is left out, where its end can be told. */
async function readPieces(
  file: FileHandle,
  owedBytes: number,
  onFacts: (facts: Buffer) => void,
): Promise<{ readonly end: number; readonly skipped: boolean }> {
  const size = await file.size()
  let skipped = false
  let at = PRODUCERS_HEADER_BYTES
  while (at + PIECE_HEAD_BYTES <= size) {
    const head = await file.read(at, PIECE_HEAD_BYTES)
    const length = head.readUInt32BE(4)
    const end = at + PIECE_HEAD_BYTES + length
    if (length > PIECE_MAX_BYTES || end > size) break
    const facts = await file.read(at + PIECE_HEAD_BYTES, length)
    const whole = readInt64(head, 8) === at && crc32c(facts, crc32c(head.subarray(4))) === head.readUInt32BE(0)
    if (whole) onFacts(facts)
    else if (end <= owedBytes) skipped = true
    else break
    at = end
  }
  return { end: at, skipped }
}

/** Whether the piece at `at`, which is all there, is what was written at that place. */
export function isWholePiece(content: Buffer, at: number): boolean {
  const end = at + PIECE_HEAD_BYTES + content.readUInt32BE(at + 4)
  return readInt64(content, at + 8) === at && crc32c(content.subarray(at + 4, end)) === content.readUInt32BE(at)
}

function encodePiece(facts: readonly Uint8Array[], position: number): Uint8Array[] {
  const head = Buffer.alloc(PIECE_HEAD_BYTES)
  head.writeUInt32BE(byteLength(facts), 4)
  writeInt64(head, 8, position)
  let crc = crc32c(head.subarray(4))
  for (const bytes of facts) crc = crc32c(bytes, crc)
  head.writeUInt32BE(crc, 0)
  return [head, ...facts]
}

function byteLength(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, bytes) => sum + bytes.length, 0)
}

interface FileHeader {
  readonly generation: number
  readonly initialBytes: number
  readonly lostMs: number
}

function encodeHeader({ generation, initialBytes, lostMs }: FileHeader): Buffer {
  const header = Buffer.alloc(PRODUCERS_HEADER_BYTES)
  header.writeUInt32BE(MAGIC, 0)
  header.writeUInt32BE(VERSION, 8)
  writeInt64(header, 16, generation)
  writeInt64(header, 24, initialBytes)
  writeInt64(header, 32, lostMs)
  header.writeUInt32BE(crc32c(header.subarray(8, HEADER_CHECKED_END)), 4)
  return header
}

/** Undefined where the bytes are not those of a header. */
export function decodeProducersHeader(header: Buffer): FileHeader | undefined {
  if (
    header.length < PRODUCERS_HEADER_BYTES ||
    header.readUInt32BE(0) !== MAGIC ||
    header.readUInt32BE(8) !== VERSION
  ) {
    return undefined
  }
  if (crc32c(header.subarray(8, HEADER_CHECKED_END)) !== header.readUInt32BE(4)) return undefined
  return { generation: readInt64(header, 16), initialBytes: readInt64(header, 24), lostMs: readInt64(header, 32) }
}

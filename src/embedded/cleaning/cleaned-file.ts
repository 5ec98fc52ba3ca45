import type { CleanedTarget, CleaningFiles } from './cleaning-files.ts'

/** What is to become of an open file that a cleaning writes. */
export interface CleanedFileOptions {
  readonly files: CleaningFiles
  readonly bufferBytes: number
  /** So many bytes were written to the file. */
  readonly onWritten: (bytes: number) => void
}

/** So much is synced at a time, so that the journal's syncs never wait for much of it. */
const SYNC_BYTES = 512 * 1024

/** A new segment's file while it is written, front to back. */
export class CleanedFile {
  readonly #files: CleaningFiles
  readonly #path: string
  readonly #onWritten: (bytes: number) => void
  readonly #buffer: Buffer
  #target: CleanedTarget | undefined
  #buffered = 0
  #unsynced = 0
  sizeBytes = 0

  /** Begins anew what an earlier attempt may have left under the name. */
  constructor(path: string, { files, bufferBytes, onWritten }: CleanedFileOptions) {
    this.#files = files
    this.#path = path
    this.#onWritten = onWritten
    this.#buffer = Buffer.allocUnsafeSlow(bufferBytes)
    this.#target = files.create(path)
  }

  append(bytes: Buffer): void {
    this.sizeBytes += bytes.length
    if (bytes.length > this.#buffer.length - this.#buffered) this.#flush()
    if (bytes.length > this.#buffer.length) return this.#write(bytes)
    bytes.copy(this.#buffer, this.#buffered)
    this.#buffered += bytes.length
  }

  /** Durable when it returns, but for its name. It keeps the time of what it replaces. */
  finish(modifiedMs: number): void {
    this.#flush()
    this.#target?.finish(modifiedMs)
    this.#close()
  }

  discard(): void {
    this.#close()
    this.#files.remove(this.#path)
  }

  #close(): void {
    const target = this.#target
    this.#target = undefined
    target?.close()
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered)
    this.#buffered = 0
    if (bytes.length > 0) this.#write(bytes)
  }

  #write(bytes: Buffer): void {
    this.#target?.write(bytes)
    this.#unsynced += bytes.length
    if (this.#unsynced >= SYNC_BYTES) {
      this.#target?.datasync()
      this.#unsynced = 0
    }
    this.#onWritten(bytes.length)
  }
}

import * as fs from 'node:fs'

/** What is to become of an open file that a cleaning writes. */
export interface CleanedFileOptions {
  readonly bufferBytes: number
  /** So many bytes were written to the file. */
  readonly onWritten: (bytes: number) => void
}

/** So much is synced at a time, so that the journal's syncs never wait for much of it. */
const SYNC_BYTES = 512 * 1024

/** A new segment's file while it is written, front to back. */
export class CleanedFile {
  readonly #path: string
  readonly #onWritten: (bytes: number) => void
  readonly #buffer: Buffer
  #descriptor: number
  #buffered = 0
  #unsynced = 0
  sizeBytes = 0

  /** Begins anew what an earlier attempt may have left under the name. */
  constructor(path: string, { bufferBytes, onWritten }: CleanedFileOptions) {
    this.#path = path
    this.#onWritten = onWritten
    this.#buffer = Buffer.allocUnsafeSlow(bufferBytes)
    this.#descriptor = fs.openSync(path, 'w', 0o600)
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
    fs.futimesSync(this.#descriptor, modifiedMs / 1000, modifiedMs / 1000)
    fs.fsyncSync(this.#descriptor)
    this.#close()
  }

  discard(): void {
    this.#close()
    fs.rmSync(this.#path, { force: true })
  }

  #close(): void {
    if (this.#descriptor < 0) return
    const descriptor = this.#descriptor
    this.#descriptor = -1
    fs.closeSync(descriptor)
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered)
    this.#buffered = 0
    if (bytes.length > 0) this.#write(bytes)
  }

  #write(bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) from += fs.writeSync(this.#descriptor, bytes, from, bytes.length - from)
    this.#unsynced += bytes.length
    if (this.#unsynced >= SYNC_BYTES) {
      fs.fdatasyncSync(this.#descriptor)
      this.#unsynced = 0
    }
    this.#onWritten(bytes.length)
  }
}

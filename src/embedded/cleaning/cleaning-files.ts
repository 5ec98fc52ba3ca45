import * as fs from 'node:fs'

/** The disk as the cleaning thread sees it: its calls block. What fails throws Node's system errors. */
export interface CleaningFiles {
  openToRead(path: string): SegmentSource
  /** Begins the file anew. */
  create(path: string): CleanedTarget
  /** Harmless where there is none. */
  remove(path: string): void
  /** Of the file system that holds the directory. */
  freeBytes(directory: string): number
}

export interface SegmentSource {
  /** When the file was written last. */
  readonly modifiedMs: number
  /** Reads at most so many bytes into the buffer; 0 at the file's end. */
  read(into: Buffer, at: number, length: number, position: number): number
  close(): void
}

/** Written front to back. */
export interface CleanedTarget {
  /** In full, or it throws. */
  write(bytes: Buffer): void
  /** What was written is durable. */
  datasync(): void
  /** As `datasync`, and the file counts as written at that time. */
  finish(modifiedMs: number): void
  close(): void
}

/** The machine's disk. */
export const nodeCleaningFiles: CleaningFiles = {
  openToRead: (path) => new NodeSegmentSource(fs.openSync(path, 'r')),
  create: (path) => new NodeCleanedTarget(fs.openSync(path, 'w', 0o600)),
  remove: (path) => fs.rmSync(path, { force: true }),
  freeBytes(directory) {
    const { bavail, bsize } = fs.statfsSync(directory)
    return bavail * bsize
  },
}

class NodeSegmentSource implements SegmentSource {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  get modifiedMs(): number {
    return fs.fstatSync(this.#descriptor).mtimeMs
  }

  read(into: Buffer, at: number, length: number, position: number): number {
    return fs.readSync(this.#descriptor, into, at, length, position)
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }
}

class NodeCleanedTarget implements CleanedTarget {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  write(bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) from += fs.writeSync(this.#descriptor, bytes, from, bytes.length - from)
  }

  datasync(): void {
    fs.fdatasyncSync(this.#descriptor)
  }

  finish(modifiedMs: number): void {
    fs.futimesSync(this.#descriptor, modifiedMs / 1000, modifiedMs / 1000)
    fs.fsyncSync(this.#descriptor)
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }
}

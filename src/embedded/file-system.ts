/**
 * The disk as the embedded engine sees it. One real implementation (`node-file-system.ts`); tests have one that keeps
 * unsynced writes apart, so that a power cut, a torn write or a failed sync can be played.
 *
 * Errors are Node's system errors (`code` is ENOSPC, EIO, ENOENT …). Paths are absolute.
 */
export interface FileSystem {
  /** Opens for reading and writing; `create` makes it (mode 0600) if it is missing, `exclusive` fails with EEXIST. */
  open(path: string, options?: OpenOptions): Promise<FileHandle>
  mkdir(path: string): Promise<void>
  /** Names, unsorted. ENOENT if missing. */
  readdir(path: string): Promise<string[]>
  stat(path: string): Promise<FileFacts>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Removes a directory with all it holds. */
  removeTree(path: string): Promise<void>
  /** Makes creations, renames and removals of entries of this directory durable. */
  syncDirectory(path: string): Promise<void>
  /** Space of the file system that holds the path. */
  space(path: string): Promise<{ readonly totalBytes: number; readonly freeBytes: number }>
}

export interface OpenOptions {
  readonly create?: boolean
  readonly exclusive?: boolean
  readonly readOnly?: boolean
  /** Whatever `writeDurably` needs is made ready now, where a lack of it can still be borne. */
  readonly durable?: boolean
}

export interface FileFacts {
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly directory: boolean
}

export interface FileHandle {
  /** Reads until `length` bytes or the end of the file; returns the bytes read, in memory of their own. */
  read(position: number, length: number): Promise<Buffer>
  /** Writes all buffers one behind the other, in full or fails. Not durable by itself. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>
  /** As `write`, and durable (data, and size if it grew) when it resolves: one call instead of two. */
  writeDurably(buffers: readonly Uint8Array[], position: number): Promise<void>
  /** fdatasync. After it failed once, nothing about the file's unsynced content may be assumed. */
  datasync(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** Bytes that do not hold what a record batch must hold. Says where, never what the records contain. */
export class CorruptBatchError extends Error {
  override readonly name: string = 'CorruptBatchError'
  /** What is wrong, without the place. */
  readonly reason: string
  /** Position in the buffer where the fault was met. */
  readonly position: number

  constructor(reason: string, position: number) {
    super(`${reason} at byte ${position}`)
    this.reason = reason
    this.position = position
  }
}

/** Compressed bytes that hold more than the reader takes; they may be sound otherwise. */
export class DecompressedTooLargeError extends CorruptBatchError {
  override readonly name: string = 'DecompressedTooLargeError'
  readonly maxBytes: number

  constructor(maxBytes: number, position: number) {
    super(`compressed content of more than ${maxBytes} bytes`, position)
    this.maxBytes = maxBytes
  }
}

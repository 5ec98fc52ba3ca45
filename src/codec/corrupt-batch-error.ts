/** Bytes that do not hold what a record batch must hold. Says where, never what the records contain. */
export class CorruptBatchError extends Error {
  override readonly name = 'CorruptBatchError'
  /** Position in the buffer where the fault was met. */
  readonly position: number

  constructor(reason: string, position: number) {
    super(`${reason} at byte ${position}`)
    this.position = position
  }
}

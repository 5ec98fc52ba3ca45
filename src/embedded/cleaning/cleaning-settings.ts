export interface CleaningSettings {
  /** `log.cleaner.enable` */
  readonly enabled: boolean
  /** `log.cleaner.threads` */
  readonly threads: number
  /** `log.cleaner.backoff.ms` */
  readonly backoffMs: number
  /** `log.cleaner.dedupe.buffer.size`, of all threads. */
  readonly dedupeBufferBytes: number
  /** `log.cleaner.io.buffer.load.factor` */
  readonly loadFactor: number
  /** `log.cleaner.io.buffer.size`, of all threads. */
  readonly ioBufferBytes: number
  /** `log.cleaner.io.max.bytes.per.second`, of all threads. */
  readonly ioBytesPerSecondMax: number
}

/** The settings of one topic, resolved: topic override, else the broker's value, else Kafka's default. */
export interface TopicConfig {
  readonly cleanupPolicy: readonly CleanupPolicy[]
  /** How batches are stored; `producer` = as their publisher compressed them. */
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** −1 = zlib's default. */
  readonly compressionGzipLevel: number
  readonly compressionZstdLevel: number
  readonly deleteRetentionMs: number
  readonly fileDeleteDelayMs: number
  readonly indexIntervalBytes: number
  readonly maxCompactionLagMs: number
  /** The largest record batch, in bytes, headers included. */
  readonly maxMessageBytes: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  /** −1 = unlimited. */
  readonly retentionBytes: number
  /** −1 = unlimited. */
  readonly retentionMs: number
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentJitterMs: number
}

export type CleanupPolicy = 'delete' | 'compact'

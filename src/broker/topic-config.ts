/** The settings of one topic, resolved: topic override, else the broker's value, else Kafka's default. */
export interface TopicConfig {
  readonly cleanupPolicy: readonly CleanupPolicy[]
  /** Kept and reported; records are stored as they were sent until compression is offered. */
  readonly compressionType: string
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

/** The topics half of the engine. Names are checked by the caller (`topic-name.ts`); config names and values too. */
export interface TopicStore {
  /**
   * Durable when it resolves. Rejects with TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION (a name that differs only by
   * `.` and `_`, with `facts.conflictsWith`), KAFKA_STORAGE_ERROR (`stored: no`). After TOPIC_ALREADY_EXISTS the topic
   * can be found, also if it was being created when this was called.
   */
  create(topic: NewTopic): Promise<TopicSummary>
  /** All live topics, sorted by name in code unit order; internal ones too. */
  list(): readonly TopicSummary[]
  /** Undefined where there is no live topic of that name. */
  find(topic: string): TopicSummary | undefined
  /**
   * Makes `find` and `list` know what has become of this topic, or of all, until now; for engines whose topics others make
   * and change too. Who does not find a topic or a partition calls it and looks again. Rejects where it cannot be known.
   */
  refresh(topic?: string): Promise<void>
  /**
   * What topics without a value of their own have, by Kafka's names; undefined where that is what this server's own
   * configuration says. Another map whenever the topic's `configs` are another one.
   */
  inheritedConfigs(topic: string): ReadonlyMap<string, string> | undefined
  /** Facts of all its partitions, in number order. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  partitions(topic: string): Promise<readonly PartitionDescription[]>
  /** Replaces the overrides named; null removes one. In force for appends when it resolves. */
  alterConfigs(topic: string, changes: ReadonlyMap<string, string | null>): Promise<void>
  /** Raises the number of partitions to `total`; a number that is not above the present one is INVALID_PARTITIONS. */
  addPartitions(topic: string, total: number): Promise<void>
  /**
   * Moves the log start of a partition up to an offset: what is before it is gone for ever, for every caller, when this
   * resolves; the files follow. An offset at or below the present log start changes nothing. Rejects with
   * OFFSET_OUT_OF_RANGE (above the high watermark), UNKNOWN_TOPIC_OR_PARTITION, KAFKA_STORAGE_ERROR.
   */
  deleteRecords(topic: string, partition: number, before: number | 'latest'): Promise<PartitionBounds>
  /** Gone for every caller when it resolves; the files follow. */
  delete(topic: string): Promise<void>
}

/** The offsets from `logStartOffset` up to `highWatermark`, without it, can be read. */
export interface PartitionBounds {
  readonly logStartOffset: number
  readonly highWatermark: number
}

export interface NewTopic {
  readonly name: string
  readonly partitionCount: number
  /** Overrides by Kafka's names, values as text, already validated. */
  readonly configs: ReadonlyMap<string, string>
  readonly internal?: boolean
}

export interface TopicSummary {
  readonly name: string
  /** Kafka's form: 22 characters of base64url. */
  readonly topicId: string
  readonly partitionCount: number
  readonly internal: boolean
  /** The overrides, by Kafka's names. */
  readonly configs: ReadonlyMap<string, string>
}

export interface PartitionDescription {
  readonly partition: number
  /** Node id; −1 while offline. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly logDir: string
  readonly online: boolean
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly sizeBytes: number
  readonly segments: readonly SegmentDescription[]
  readonly retention: RetentionDescription
  /** Of a topic whose `cleanup.policy` has `compact`. */
  readonly compaction?: CompactionDescription
}

/** What retention did to a partition since the server started. */
export interface RetentionDescription {
  /** When it last removed segments; Unix milliseconds, −1 = not since the start. */
  readonly removedAt: number
  /** Then. */
  readonly removedSegments: number
  readonly removedBytes: number
  /** A timestamp yet to come that keeps the oldest segment, and all behind it; Unix milliseconds, −1 = none. */
  readonly pinnedByTimestamp: number
}

export interface CompactionDescription {
  /** Share of what came since the last cleaning in what a cleaning now would read. */
  readonly dirtyRatio: number
  /** Where the next cleaning begins to look for keys. */
  readonly firstDirtyOffset: number
  /** When it was last cleaned; Unix milliseconds, −1 = not since the start. */
  readonly cleanedAt: number
  /** What that cleaning read and kept. */
  readonly recordsRead: number
  readonly recordsKept: number
  readonly bytesRead: number
  readonly bytesKept: number
  /** Why it is not cleaned now; null while all is well. */
  readonly trouble: string | null
}

export interface SegmentDescription {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** −1 while it holds no record with a timestamp. */
  readonly maxTimestamp: number
  readonly active: boolean
}

/** What the catalogue holds, as plain data: it crosses threads, and is what snapshots are made of. */
export interface CatalogueState {
  readonly clusterId: string
  /** Counts the changes since the catalogue was made. */
  readonly generation: number
  readonly directories: readonly CatalogueDirectory[]
  readonly topics: readonly CatalogueTopic[]
  /** When it was rebuilt from what directories are called, Unix milliseconds; absent once an operator has confirmed it. */
  readonly rebuiltMs?: number
}

export interface CatalogueDirectory {
  readonly directoryId: string
  /** Absolute; where it was last found. */
  readonly path: string
}

/** A topic's files are trusted only while it is `live`: one that is `creating` or `deleting` is removed at the start. */
export type TopicState = 'creating' | 'live' | 'deleting'

export interface CatalogueTopic {
  readonly topicId: string
  readonly name: string
  readonly state: TopicState
  readonly internal: boolean
  /** Overrides by Kafka's names. */
  readonly configs: Readonly<Record<string, string>>
  /** By partition number. */
  readonly partitions: readonly CataloguePartition[]
}

export interface CataloguePartition {
  readonly directoryId: string
  readonly logStartOffset: number
}

/** One step forward. Each is a transaction of its own, durable once applied. */
export type CatalogueChange =
  | { readonly kind: 'directory'; readonly directory: CatalogueDirectory }
  | { readonly kind: 'topic'; readonly topic: CatalogueTopic }
  | { readonly kind: 'topic-state'; readonly topicId: string; readonly state: TopicState }
  | { readonly kind: 'topic-configs'; readonly topicId: string; readonly configs: Readonly<Record<string, string>> }
  /** `partitions` are those behind the ones the topic has. */
  | { readonly kind: 'partitions'; readonly topicId: string; readonly partitions: readonly CataloguePartition[] }
  /** Records before the offset were deleted, for ever. */
  | {
      readonly kind: 'log-start'
      readonly topicId: string
      readonly partition: number
      readonly logStartOffset: number
    }
  | { readonly kind: 'topic-gone'; readonly topicId: string }
  /** An operator has looked at what was rebuilt from directories: it is in force like any other catalogue. */
  | { readonly kind: 'confirmed' }

import type { BrokerError } from './broker-error.ts'

/** Kafka's `acks`: all = durable before the answer; 1 = written, not yet durable; 0 = queued. */
export type Acks = 'all' | '1' | '0'

/** What an acknowledgement vouches for. An open set on the wire. */
export type Durability = 'fsync' | 'replicated' | 'kernel' | 'none'

/**
 * One encoded record batch v2, uncompressed or compressed; its producer, if it has one, is for readers only. The engine
 * takes the buffer over: it patches base offset, leader epoch and, for LogAppendTime, attributes, max timestamp and CRC;
 * the caller must not touch it again.
 */
export interface EncodedBatch {
  readonly bytes: Buffer
  readonly recordCount: number
  /** The largest record timestamp, Unix milliseconds. */
  readonly maxTimestamp: number
}

export interface AppendPart {
  readonly partition: number
  /** At least one, in order; each at most the topic's `max.message.bytes`. */
  readonly batches: readonly EncodedBatch[]
}

/** One publish request: all parts of one topic, each partition at most once. Atomic in each log directory. */
export interface AppendRequest {
  readonly topic: string
  readonly parts: readonly AppendPart[]
  readonly acks: Acks
}

export interface AppendResult {
  readonly durability: Durability
  /** In the order of the request's parts. */
  readonly parts: readonly AppendPartResult[]
}

export interface AppendPartResult {
  readonly partition: number
  /** Offset of the part's first record; the others follow densely, but for `runs`. −1 if `error`. */
  readonly baseOffset: number
  /** Unix milliseconds where the topic says LogAppendTime, else −1. */
  readonly logAppendTime: number
  /**
   * Where records of others came between the part's batches, or only some of them were stored (then `error` says so):
   * one for each batch of the part, in order.
   */
  readonly runs?: readonly StoredRun[]
  readonly error?: BrokerError
}

/** A batch of a part: its records follow each other. */
export interface StoredRun {
  readonly recordCount: number
  /** −1: it is not stored, or it is not known. */
  readonly baseOffset: number
  readonly logAppendTime: number
}

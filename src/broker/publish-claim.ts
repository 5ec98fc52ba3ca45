import type { AppendPart, AppendResult, StoredRun } from './append-request.ts'

/** By what a publish request is known again when it is sent a second time. */
export type PublishIdentity = SequenceIdentity | KeyIdentity

/** One request of a producer that counts its requests: `Producer-Id`, `Producer-Epoch`, `Producer-Sequence`. */
export interface SequenceIdentity {
  readonly kind: 'sequence'
  /** 1 to 128 characters, made by the client. */
  readonly producerId: string
  /** 0 to 32,767. */
  readonly epoch: number
  /** 0 to 2^53 − 1, counted per producer and topic. */
  readonly sequence: number
  readonly fingerprint: Fingerprint
}

/** A single request under its `Idempotency-Key`. */
export interface KeyIdentity {
  readonly kind: 'key'
  /** 1 to 255 characters. */
  readonly key: string
  readonly fingerprint: Fingerprint
}

/** 16 bytes made of path, query, content type and decoded body: another request has another one. See `requestFingerprint`. */
export type Fingerprint = Buffer

/** Where the records of a request that went to one partition are. */
export interface StoredPart {
  readonly partition: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Unix milliseconds where the topic said LogAppendTime, else −1. */
  readonly logAppendTime: number
  /** See `AppendPartResult`. */
  readonly runs?: readonly StoredRun[]
}

/**
 * A request's hold on its identity, from `Producers.claim` until `append` settles or `release` is called: nobody else
 * has it meanwhile. What the request was the first time, it is again: `partitionCount` and `arrivedMs` decide where its
 * records go and which timestamp they get.
 */
export interface PublishClaim {
  /** Of the topic when the request first came. */
  readonly partitionCount: number
  /** Unix milliseconds, when the request first came: the time of its records that have none. */
  readonly arrivedMs: number
  /** What is durable of it by now; empty the first time. */
  readonly stored: readonly StoredPart[]
  /** All of it is: the answer is a duplicate's, and there is nothing to append. */
  readonly isComplete: boolean
  /**
   * Stores the parts of the request that are not stored yet; they become durable together with the request's facts, or
   * not at all, in each log directory. May be called once. Settles as `Engine.append` does, with results for exactly
   * these parts; acks are `all`. Rejects with ClaimLapsed where the request has to be claimed again.
   *
   * @param missing those of `partitions` that `stored` does not name, in request order
   * @param partitions all that the request has records for
   */
  append(missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult>
  /** Nothing will be appended: a sequence is not used, a key not taken. After `append` without effect. */
  release(): void
}

export interface ProducerDescription {
  readonly epoch: number
  /** Of the next request in this epoch. */
  readonly nextSequence: number
}

/** The part of the port `Engine` that knows requests again. All methods may be called at the same time. */
export interface Producers {
  /**
   * At once where it is this request's turn, else a promise for when it is: when what came before under the same identity
   * is answered, and the predecessor of a sequence is durable. Rejects with a BrokerError:
   * OUT_OF_ORDER_SEQUENCE_NUMBER (with `expectedSequence`), DUPLICATE_SEQUENCE_NUMBER (older than the last five),
   * UNKNOWN_PRODUCER_ID, PRODUCER_FENCED, IDEMPOTENCY_MISMATCH (another body under the same identity),
   * PRODUCER_STATE_FULL (429). With ClaimLapsed where the topic was made again meanwhile.
   *
   * @param topic one that exists
   */
  claim(topic: string, identity: PublishIdentity): PublishClaim | Promise<PublishClaim>
  /** Undefined where the topic knows no such producer. */
  describe(topic: string, producerId: string): Promise<ProducerDescription | undefined>
}

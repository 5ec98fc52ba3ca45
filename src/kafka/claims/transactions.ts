import type { AppendPart } from '../../broker/append-request.ts'
import type { PartitionAnswer } from '../produce/produce-request.ts'

/** Where a part of a transaction is, batch by batch. */
export interface TransactedPart {
  readonly partition: number
  readonly answers: readonly PartitionAnswer[]
}

export interface TransactedTopic {
  readonly name: string
  readonly partitions: readonly number[]
}

/**
 * A transactional id as this gateway has it: whoever opens it after us fences us. One transaction at a time. What it
 * rejects with is a BrokerError: of `fencedError` where nothing of the transaction will ever be committed.
 */
export interface TransactionSession {
  /** Begins a transaction of these partitions. */
  begin(topics: readonly TransactedTopic[]): Promise<void>
  /** Of partitions that it was begun with. In the order of the parts. */
  produce(topic: string, parts: readonly AppendPart[]): Promise<readonly TransactedPart[]>
  /** When it resolves with true, all of it will be seen by readers; with false none. */
  end(isCommitted: boolean): Promise<void>
}

/** The cluster as seen by those who store requests in transactions. Rejects with a BrokerError. */
export interface Transactions {
  /** When it resolves, no transaction of this id is open, and none of an earlier session can be committed any more. */
  open(transactionalId: string): Promise<TransactionSession>
  /** Does the topic have this id where these partitions are led: are what was stored there just now this topic's records? */
  isStill(topic: string, topicId: string, partitions: readonly number[]): Promise<boolean>
}

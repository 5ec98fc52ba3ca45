import type { BrokerError } from '../../broker/broker-error.ts'
import type { PartitionOutbox, ProducerSession } from './partition-outbox.ts'
import type { PartitionAnswer, ProduceRequest } from './produce-request.ts'

/** Who leads a partition: a node's id; `none` for now; `gone`: there is no such partition. */
export type Leader = number | 'none' | 'gone'

/** The cluster as seen by those who send records to it. */
export interface ProduceCluster {
  /** False while no node answers at all. */
  readonly isReachable: boolean
  /** As known by now. */
  leaderOf(partition: Pick<PartitionOutbox, 'topic' | 'partition'>): Leader
  /** Learns anew who leads what. Rejects with a BrokerError. */
  refresh(): Promise<void>
  /** A producer id for the gateway. Rejects with a BrokerError. */
  openSession(): Promise<ProducerSession>
  /** Rejects with NoAnswer. Requests to one node keep their order as long as none is rejected. */
  produce(nodeId: number, request: ProduceRequest): Promise<readonly PartitionAnswer[]>
  /** What a client is told of an error that a partition answered with. */
  failureOf(answer: PartitionAnswer): BrokerError
  /** How long to wait after so many failures. */
  backoffMs(failures: number): number
}

/** A request that was not answered. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  /** The node may have got it. */
  readonly wasSent: boolean
  readonly failure: BrokerError

  constructor(failure: BrokerError, wasSent: boolean) {
    super(failure.message, { cause: failure })
    this.failure = failure
    this.wasSent = wasSent
  }
}

import type { BrokerError } from '../../broker/broker-error.ts'
import type { Acks } from '../../broker/append-request.ts'

/** What became of a shipment, as far as one try can tell. */
export type Judgement =
  | 'stored'
  /** Not stored by this try; another may do better. */
  | 'again'
  /** It may be stored; another try finds out. */
  | 'doubt'
  /** Not stored: the broker does not have what came before it, or does not know the producer. */
  | 'out-of-order'
  /** Not stored: the batch is larger than the topic takes, or one of its records is not what the topic takes. */
  | 'unfit'
  /** Not stored, and no try will be. */
  | 'refused'

/** A partition's share in the answer to a produce request; of a request without answer made up. */
export interface ShipmentAnswer {
  readonly judgement: Judgement
  readonly baseOffset: number
  readonly logAppendTime: number
  readonly failure: BrokerError | undefined
}

/** Said before anything is written, whatever the acks. */
const again: ReadonlySet<number> = new Set([2, 3, 5, 8, 9, 14, 15, 16, 19, 41, 51, 60, 72, 74, 75, 89])
/** With acks=all also said when the records are written, and their replication does not come to its end. */
const whileReplicating: ReadonlySet<number> = new Set([6, 100, 103])
/** Sequence, epoch or producer is not what the partition expects. */
const outOfOrder: ReadonlySet<number> = new Set([45, 47, 59])
const unfit: ReadonlySet<number> = new Set([10, 18, 32, 87])
/** The leader wrote the records, or failed while it did. */
const doubt: ReadonlySet<number> = new Set([-1, 7, 13, 20, 46, 56])

export function judgementOf(kafkaCode: number, acks: Acks): Judgement {
  if (kafkaCode === 0) return 'stored'
  if (again.has(kafkaCode)) return 'again'
  if (whileReplicating.has(kafkaCode)) return acks === 'all' ? 'doubt' : 'again'
  if (outOfOrder.has(kafkaCode)) return 'out-of-order'
  if (unfit.has(kafkaCode)) return 'unfit'
  return doubt.has(kafkaCode) ? 'doubt' : 'refused'
}

export function withoutAnswer(judgement: 'again' | 'doubt' | 'refused', failure: BrokerError): ShipmentAnswer {
  return { judgement, baseOffset: -1, logAppendTime: -1, failure }
}

import assert from 'node:assert/strict'
import { BrokerError } from '../../broker/broker-error.ts'
import { setProducer } from '../../codec/record-batch.ts'
import type { BatchOutcome, OutboundBatch, Shipment } from './outbound-batch.ts'
import type { ShipmentAnswer } from './produce-answer.ts'
import { shipmentOf, takeMembers } from './shipments.ts'

/** As many batches of a producer a broker knows again in each partition. */
export const IN_FLIGHT_MAX = 5
const MAX_EPOCH = 32_766
const SEQUENCE_MASK = 0x7fff_ffff

/** A producer id of the gateway's own. */
export interface ProducerSession {
  readonly id: bigint
  readonly epoch: number
}

/**
 * What one partition is still to get, in order, and what it was sent. Decides what goes out next and what an answer means;
 * sends nothing itself.
 *
 * With acks=all each shipment has a sequence, so that the broker stores it once and in order however often it is sent. A
 * shipment that failed is sent again alone, the oldest first, until it is known what became of it. One that is given up
 * may leave a gap: then the broker refuses the next one, and as that one was surely never stored, the partition begins
 * anew with the producer's next epoch. With other acks there is no sequence, and one shipment at a time.
 */
export class PartitionOutbox {
  readonly topic: string
  readonly partition: number
  readonly #queue: OutboundBatch[] = []
  /** Sent, or to be sent again; the oldest first. */
  readonly #shipments: Shipment[] = []
  #session: ProducerSession | undefined
  #epoch = -1
  #nextSequence = 0
  #mustRenumber = false
  /** The broker has a batch of this session: one that knows nothing of a producer takes any sequence for the next. */
  #isKnown = false

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#shipments.length === 0
  }

  /** Something is queued, or waits to be sent again. */
  get hasWork(): boolean {
    return this.#queue.length > 0 || this.#shipments.some(({ isInFlight }) => !isInFlight)
  }

  get isInFlight(): boolean {
    return this.#shipments.some(({ isInFlight }) => isInFlight)
  }

  /** The broker may know it by sequences of a session. */
  get hasSequences(): boolean {
    return this.#session !== undefined
  }

  push(batch: OutboundBatch): void {
    // It may have been idle for longer than a broker remembers a producer.
    if (this.isEmpty) this.#isKnown = false
    this.#queue.push(batch)
  }

  /** It cannot go on before there is a session, or another one than this. */
  wantsSession(session: ProducerSession | undefined): boolean {
    if (session === undefined)
      return this.#mustBeginAnew || (this.#session === undefined && this.#queue[0]?.acks === 'all')
    return this.#mustBeginAnew && this.#epoch >= MAX_EPOCH && session.id === this.#session?.id
  }

  /**
   * The shipment that goes out next: it is in flight from now on, until `answer`. Undefined where nothing can go now.
   *
   * @param session for batches with acks=all; without it they stay
   */
  next(session: ProducerSession | undefined): Shipment | undefined {
    if (this.wantsSession(session)) return undefined
    if (this.#mustBeginAnew) {
      if (this.isInFlight || session === undefined) return undefined
      this.#renumber(session)
    }
    const again = this.#shipments.find(({ isInFlight }) => !isInFlight)
    if (again === undefined) return this.#nextNew(session)
    if (again !== this.#shipments[0]) return undefined
    again.isInFlight = true
    return again
  }

  /** What a try of a shipment in flight came to. */
  answer(shipment: Shipment, answer: ShipmentAnswer): void {
    assert(shipment.isInFlight, 'an answer to what was not sent')
    shipment.isInFlight = false
    // Sequences are between the gateway and the broker: what went wrong with one tells a client nothing.
    if (answer.judgement !== 'out-of-order') shipment.failure = answer.failure ?? shipment.failure
    switch (answer.judgement) {
      case 'stored':
        return this.#stored(shipment, answer)
      case 'again':
        return undefined
      case 'doubt':
        shipment.isDoubtful = true
        if (shipment.acks !== 'all') this.#giveUp(shipment)
        return undefined
      case 'out-of-order':
        return this.#outOfOrder(shipment)
      case 'unfit':
        // Joined with others, a batch is not to be refused for theirs.
        if (shipment.members.length > 1 && !shipment.isDoubtful) return this.#takeApart(shipment)
        return this.#giveUp(shipment)
      default:
        return this.#giveUp(shipment)
    }
  }

  /** Gives up what is not in flight and has had its time. @param late said of what was never sent */
  expire(now: number, late: BrokerError): void {
    for (const shipment of this.#shipments.filter(({ isInFlight }) => !isInFlight)) {
      if (shipment.members.every(({ deadline }) => deadline <= now)) this.#giveUp(shipment, late)
    }
    const expired = this.#queue.filter(({ deadline }) => deadline <= now)
    if (expired.length === 0) return
    const left = this.#queue.filter(({ deadline }) => deadline > now)
    this.#queue.splice(0, this.#queue.length, ...left)
    for (const batch of expired) batch.settle({ kind: 'failed', stored: 'no', failure: late })
  }

  /** Gives up what is surely not stored, and not in flight; what is in doubt is tried on. */
  refuseUnsent(failure: BrokerError): void {
    for (const shipment of this.#shipments.filter(({ isInFlight, isDoubtful }) => !isInFlight && !isDoubtful)) {
      this.#giveUp(shipment, failure)
    }
    for (const batch of this.#queue.splice(0)) batch.settle({ kind: 'failed', stored: 'no', failure })
  }

  /** Gives up all that is not in flight. */
  refuseAll(failure: BrokerError): void {
    this.refuseUnsent(failure)
    for (const shipment of this.#shipments.filter(({ isInFlight }) => !isInFlight)) this.#giveUp(shipment, failure)
  }

  /** The first of what is left was never stored, and cannot be under the sequence that it had. */
  get #mustBeginAnew(): boolean {
    const [first] = this.#shipments
    return this.#mustRenumber || (first !== undefined && first.acks === 'all' && first.sequence < 0)
  }

  #nextNew(session: ProducerSession | undefined): Shipment | undefined {
    const [first] = this.#queue
    if (first === undefined || this.#shipments.length >= IN_FLIGHT_MAX) return undefined
    if (this.#shipments.length > 0 && !this.#isKnown) return undefined
    // Without sequences the order is that of the connection alone.
    if (this.#shipments.length > 0 && (first.acks !== 'all' || this.#shipments.some(isUnnumbered))) return undefined
    const shipment = shipmentOf(takeMembers(this.#queue))
    if (first.acks === 'all') {
      if (this.#session === undefined) this.#begin(session)
      this.#number(shipment)
    }
    shipment.isInFlight = true
    this.#shipments.push(shipment)
    return shipment
  }

  #begin(session: ProducerSession | undefined): void {
    assert(session !== undefined, 'a sequence needs a producer id')
    this.#session = session
    this.#epoch = session.epoch
    this.#nextSequence = 0
    this.#isKnown = false
  }

  #number(shipment: Shipment): void {
    assert(this.#session !== undefined)
    shipment.sequence = this.#nextSequence
    this.#nextSequence = (this.#nextSequence + shipment.recordCount) & SEQUENCE_MASK
    setProducer(shipment.bytes, 0, { id: this.#session.id, epoch: this.#epoch, sequence: shipment.sequence })
  }

  /** All that is left was not stored, for the first of it was not. */
  #renumber(session: ProducerSession): void {
    if (this.#session?.id === session.id) {
      this.#epoch++
      this.#nextSequence = 0
    } else this.#begin(session)
    for (const shipment of this.#shipments) {
      shipment.isDoubtful = false
      this.#number(shipment)
    }
    this.#mustRenumber = false
  }

  #stored(shipment: Shipment, { baseOffset, logAppendTime }: ShipmentAnswer): void {
    this.#shipments.splice(this.#shipments.indexOf(shipment), 1)
    this.#isKnown = shipment.sequence >= 0
    let next = baseOffset
    for (const { recordCount, settle } of shipment.members) {
      settle({ kind: 'stored', baseOffset: next, logAppendTime })
      if (next >= 0) next += recordCount
    }
  }

  #outOfOrder(shipment: Shipment): void {
    if (shipment !== this.#shipments[0]) return
    // What is in doubt may be behind the last batches that the broker remembers: only what was never stored begins anew.
    if (shipment.isDoubtful || shipment.sequence < 0) this.#giveUp(shipment, trackLost())
    else this.#mustRenumber = true
  }

  /** Each of its members goes alone, in its place. */
  #takeApart(shipment: Shipment): void {
    const single = shipment.members.map((member) => shipmentOf([member]))
    for (const one of single) one.failure = shipment.failure
    this.#shipments.splice(this.#shipments.indexOf(shipment), 1, ...single)
  }

  #giveUp(shipment: Shipment, late?: BrokerError): void {
    const at = this.#shipments.indexOf(shipment)
    this.#shipments.splice(at, 1)
    const { isDoubtful, sequence, members } = shipment
    // Surely not stored, and nothing behind it: the next one takes its sequence.
    if (!isDoubtful && sequence >= 0 && at === this.#shipments.length) this.#nextSequence = sequence
    const failure = shipment.failure ?? late
    assert(failure !== undefined, 'a failure has a reason')
    const outcome: BatchOutcome = { kind: 'failed', stored: isDoubtful ? 'unknown' : 'no', failure }
    for (const { settle } of members) settle(outcome)
  }
}

function trackLost(): BrokerError {
  return new BrokerError(
    'NETWORK_EXCEPTION',
    'The leader of the partition cannot tell any more whether it has the records: look before you send them again.',
  )
}

function isUnnumbered({ sequence }: Shipment): boolean {
  return sequence < 0
}

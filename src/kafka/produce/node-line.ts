import type { Acks } from '../../broker/append-request.ts'
import type { Shipment } from './outbound-batch.ts'
import { IN_FLIGHT_MAX, type PartitionOutbox } from './partition-outbox.ts'

/** Enough for a broker to be busy with, and little enough not to hold up others for long. */
const REQUEST_BYTES = 1024 * 1024

/** A shipment, and where it came from. */
export interface Dispatch {
  readonly outbox: PartitionOutbox
  readonly shipment: Shipment
}

/** Who has something for a node, and how many requests it has to answer. */
export class NodeLine {
  readonly nodeId: number
  /** Each gets its turn: who was served goes to the end. */
  readonly ready = new Set<PartitionOutbox>()
  inFlight = 0

  constructor(nodeId: number) {
    this.nodeId = nodeId
  }

  get hasRoom(): boolean {
    return this.inFlight < IN_FLIGHT_MAX && this.ready.size > 0
  }

  /** One shipment of each outbox at most, up to the size of a request, by acks. Outboxes that have none now leave the line. */
  load(next: (outbox: PartitionOutbox) => Shipment | undefined): ReadonlyMap<Acks, readonly Dispatch[]> {
    const loads = new Map<Acks, Dispatch[]>()
    let bytes = 0
    // Who is served and has more is put at the end, for the next request: a partition is in each once.
    const turn = [...this.ready]
    for (const outbox of turn) {
      this.ready.delete(outbox)
      const shipment = next(outbox)
      if (shipment === undefined) continue
      if (outbox.hasWork) this.ready.add(outbox)
      const load = loads.get(shipment.acks)
      if (load === undefined) loads.set(shipment.acks, [{ outbox, shipment }])
      else load.push({ outbox, shipment })
      bytes += shipment.bytes.length
      if (bytes >= REQUEST_BYTES) break
    }
    return loads
  }
}

import { type KnownProducer, REQUESTS_REMEMBERED, type RememberedRequest } from '../../src/broker/known-producer.ts'
import type { ProducerKey, RequestFacts } from '../../src/embedded/producers/request-facts.ts'
import type { PromisedRoom, RequestMemory } from '../../src/embedded/producers/request-memory.ts'

interface Entry {
  bornMs: number
  epoch: number
  /** By sequence, ascending. */
  requests: RememberedRequest[]
}

const room: PromisedRoom = { extend: () => true, giveBack: () => {} }

/** The plainest memory: nothing expires, nothing is bounded. */
export class UnboundedRequestMemory implements RequestMemory {
  readonly #entries = new Map<string, Entry>()
  #births = 0

  find(key: ProducerKey): KnownProducer | undefined {
    const entry = this.#entries.get(nameOf(key))
    const newest = entry?.requests.at(-1)
    if (!entry || !newest) return undefined
    const { bornMs, epoch, requests } = entry
    return {
      bornMs,
      epoch,
      lastSequence: newest.sequence,
      lastIsComplete: newest.missing.length === 0,
      request: (sequence) => requests.find((request) => request.sequence === sequence),
    }
  }

  promise(): PromisedRoom {
    return room
  }

  record(facts: RequestFacts): void {
    const { bornMs, epoch, sequence } = facts
    const name = nameOf(facts)
    let entry = this.#entries.get(name)
    if (entry && (bornMs < entry.bornMs || (bornMs === entry.bornMs && epoch < entry.epoch))) return
    if (entry?.bornMs !== bornMs || entry.epoch !== epoch) {
      this.#entries.set(name, (entry = { bornMs, epoch, requests: [] }))
    }
    const known = entry.requests.find((request) => request.sequence === sequence)
    const others = entry.requests.filter((request) => request !== known)
    const requests = [...others, withParts(known, facts)].sort((one, other) => one.sequence - other.sequence)
    entry.requests = requests.slice(-REQUESTS_REMEMBERED)
  }

  committed(facts: RequestFacts): void {
    this.record(facts)
  }

  isCurrent(): boolean {
    return true
  }

  nextBornMs(): number {
    return ++this.#births
  }

  forgetTopic(topicId: string): void {
    for (const name of this.#entries.keys()) if (name.startsWith(topicId)) this.#entries.delete(name)
  }
}

function withParts(known: RememberedRequest | undefined, facts: RequestFacts): RememberedRequest {
  const { sequence, fingerprint, partitionCount, arrivedMs, partitions } = facts
  const news = facts.stored.filter(({ partition }) => !known?.stored.some((part) => part.partition === partition))
  const stored = [...(known?.stored ?? []), ...news]
  const missing = partitions.filter((partition) => !stored.some((part) => part.partition === partition))
  return { sequence, fingerprint, partitionCount, arrivedMs, stored, missing }
}

function nameOf({ topicId, kind, identityHash }: ProducerKey): string {
  return `${topicId}/${kind}/${identityHash.toString('latin1')}`
}

import { BrokerError } from '../../src/broker/broker-error.ts'
import type { AppendPart, AppendResult } from '../../src/broker/append-request.ts'
import type { Engine } from '../../src/broker/engine.ts'
import type {
  ProducerDescription,
  Producers,
  PublishClaim,
  PublishIdentity,
  StoredPart,
} from '../../src/broker/publish-claim.ts'
import type { TopicSummary } from '../../src/broker/topic-store.ts'

interface KnownRequest {
  readonly identity: PublishIdentity
  readonly partitionCount: number
  readonly arrivedMs: number
  partitions: readonly number[]
  readonly stored: StoredPart[]
}

/** The rules of knowing requests again, said as plainly as can be: nothing expires, and who comes early is sent away. */
export class PlainProducers implements Producers {
  readonly #engine: Pick<Engine, 'append'>
  readonly #find: (topic: string) => TopicSummary | undefined
  readonly #now: () => number
  /** By topic id and identity, in the order of their sequences. */
  readonly #requests = new Map<string, KnownRequest[]>()
  /** By the same: the end of what was asked for last. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor(engine: Pick<Engine, 'append'>, find: (topic: string) => TopicSummary | undefined, now: () => number) {
    this.#engine = engine
    this.#find = find
    this.#now = now
  }

  async claim(topic: string, identity: PublishIdentity): Promise<PublishClaim> {
    const found = this.#find(topic)
    if (found === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${topic}.`)
    const name = nameOf(found, identity)
    const turn = Promise.withResolvers<void>()
    const before = this.#turns.get(name)
    this.#turns.set(name, turn.promise)
    await before
    try {
      const { request, forget } = this.#requestOf(name, identity, found)
      const isComplete = request.partitions.length > 0 && request.stored.length === request.partitions.length
      if (isComplete) turn.resolve()
      const release = (): void => {
        if (request.stored.length === 0) forget()
        turn.resolve()
      }
      const append = (missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult> => {
        request.partitions = partitions
        return this.#append(topic, request, missing).finally(release)
      }
      const { partitionCount, arrivedMs } = request
      return { partitionCount, arrivedMs, stored: [...request.stored], isComplete, append, release }
    } catch (error) {
      turn.resolve()
      throw error
    }
  }

  async describe(topic: string, producerId: string): Promise<ProducerDescription | undefined> {
    const found = this.#find(topic)
    if (found === undefined) throw new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${topic}.`)
    const last = this.#requests.get(`${found.topicId} producer ${producerId}`)?.at(-1)
    if (last?.identity.kind !== 'sequence') return undefined
    const { epoch, sequence } = last.identity
    return { epoch, nextSequence: last.stored.length < last.partitions.length ? sequence : sequence + 1 }
  }

  async #append(topic: string, request: KnownRequest, parts: readonly AppendPart[]): Promise<AppendResult> {
    const result = await this.#engine.append({ topic, parts, acks: 'all' })
    for (const [index, { partition, baseOffset, logAppendTime, error }] of result.parts.entries()) {
      if (error !== undefined) continue
      const count = parts[index]!.batches.reduce((sum, { recordCount }) => sum + recordCount, 0)
      request.stored.push({ partition, baseOffset, lastOffset: baseOffset + count - 1, logAppendTime })
    }
    return result
  }

  #requestOf(
    name: string,
    identity: PublishIdentity,
    topic: TopicSummary,
  ): { request: KnownRequest; forget: () => void } {
    const requests = this.#requests.get(name) ?? []
    const known = requests.find((one) => isSame(one.identity, identity))
    if (known !== undefined) {
      if (!known.identity.fingerprint.equals(identity.fingerprint)) throw mismatch
      return { request: known, forget: () => {} }
    }
    const last = requests.at(-1)
    if (identity.kind === 'sequence') refuse(identity, last)
    const { partitionCount } = topic
    const request: KnownRequest = { identity, partitionCount, arrivedMs: this.#now(), partitions: [], stored: [] }
    const isNewEpoch =
      last?.identity.kind === 'sequence' && identity.kind === 'sequence' && last.identity.epoch < identity.epoch
    const kept = isNewEpoch ? [request] : [...requests.slice(-4), request]
    this.#requests.set(name, kept)
    return { request, forget: () => this.#requests.set(name, requests) }
  }
}

const mismatch = new BrokerError('IDEMPOTENCY_MISMATCH', 'Another body.')

function nameOf({ topicId }: TopicSummary, identity: PublishIdentity): string {
  return identity.kind === 'key' ? `${topicId} key ${identity.key}` : `${topicId} producer ${identity.producerId}`
}

function isSame(one: PublishIdentity, other: PublishIdentity): boolean {
  if (one.kind === 'key' || other.kind === 'key') return true
  return one.epoch === other.epoch && one.sequence === other.sequence
}

function refuse({ epoch, sequence }: PublishIdentity & { kind: 'sequence' }, last: KnownRequest | undefined): void {
  if (last?.identity.kind !== 'sequence') {
    if (sequence > 0) throw new BrokerError('UNKNOWN_PRODUCER_ID', 'Begin with 0.')
    return
  }
  if (epoch < last.identity.epoch) throw new BrokerError('PRODUCER_FENCED', 'A newer epoch.')
  const isPartial = last.stored.length < last.partitions.length
  const expectedSequence = epoch > last.identity.epoch ? 0 : last.identity.sequence + (isPartial ? 0 : 1)
  if (sequence < expectedSequence) throw new BrokerError('DUPLICATE_SEQUENCE_NUMBER', 'Older than the last five.')
  if (sequence === expectedSequence) return
  throw new BrokerError('OUT_OF_ORDER_SEQUENCE_NUMBER', `${expectedSequence} is next.`, { facts: { expectedSequence } })
}

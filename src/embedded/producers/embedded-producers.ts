import type { Clock } from '../../broker/clock.ts'
import type { AppendRequest, AppendResult } from '../../broker/append-request.ts'
import type { ProducerDescription, Producers, PublishClaim, PublishIdentity } from '../../broker/publish-claim.ts'
import type { AppendFacts } from '../commit/append-facts.ts'
import { unknownTopic } from '../served-partition.ts'
import { memoryFull, predecessorsAway, type Refusal, refusalOf, stillUnderWay } from '../../broker/claim-errors.ts'
import { ClaimTurns } from '../../broker/claim-turns.ts'
import { verdictOn, type Verdict } from '../../broker/claim-verdict.ts'
import { isAbout, isBehind, withDoubt, type DoubtfulRequest } from './doubtful-requests.ts'
import { expectedSequence, type KnownProducer, type RememberedRequest } from '../../broker/known-producer.ts'
import { type ClaimedRequest, type ClaimOwner, completeClaim, RequestClaim } from './request-claim.ts'
import { producerKey, type ProducerKey, type RequestFacts } from './request-facts.ts'
import type { RequestMemory } from './request-memory.ts'

/** How long a request waits for what has to come before it. */
export const CLAIM_WAIT_MS = 5000

export interface ClaimableTopic {
  readonly topicId: string
  readonly partitionCount: number
}

export interface EmbeddedProducersOptions {
  readonly memory: RequestMemory
  readonly topic: (name: string) => ClaimableTopic | undefined
  /** As `Engine.append`, the facts with the records; to a topic with this id, or not at all. */
  readonly append: (topicId: string, request: AppendRequest, facts: AppendFacts) => Promise<AppendResult>
  /** A log directory whose requests this start could not read back, if there is one. */
  readonly factsAway?: () => string | undefined
  /** Throws SERVER_STOPPING once the engine is closing. */
  readonly checkOpen: () => void
  readonly clock: Clock
}

/** A request that asks for its turn. */
interface Applicant {
  readonly topic: string
  readonly partitionCount: number
  readonly identity: PublishIdentity
  readonly key: ProducerKey
  /** Of the producer or key, among all topics. */
  readonly name: string
  readonly arrivedMs: number
}

/** See `Producers`. */
export class EmbeddedProducers implements Producers {
  readonly #options: EmbeddedProducersOptions
  readonly #turns: ClaimTurns
  readonly #owner: ClaimOwner
  readonly #doubts = new Map<string, DoubtfulRequest>()

  constructor(options: EmbeddedProducersOptions) {
    this.#options = options
    this.#turns = new ClaimTurns(options.clock, CLAIM_WAIT_MS)
    this.#owner = {
      memory: options.memory,
      append: options.append,
      doubted: (name, doubt) => this.#doubts.set(name, doubt),
      letGo: (name) => this.#turns.letGo(name),
    }
  }

  claim(topic: string, identity: PublishIdentity): PublishClaim | Promise<PublishClaim> {
    try {
      this.#options.checkOpen()
      const found = this.#options.topic(topic)
      if (!found) throw unknownTopic(topic)
      const { topicId, partitionCount } = found
      const key = producerKey(topicId, identity)
      const arrivedMs = this.#options.clock.now()
      const applicant: Applicant = { topic, partitionCount, identity, key, name: nameOf(key), arrivedMs }
      return this.#attempt(applicant) ?? this.#wait(applicant)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async describe(topic: string, producerId: string): Promise<ProducerDescription | undefined> {
    const found = this.#options.topic(topic)
    if (!found) throw unknownTopic(topic)
    const key = producerKey(found.topicId, { kind: 'sequence', producerId })
    const known = this.#known(key, nameOf(key))
    return known && { epoch: known.epoch, nextSequence: expectedSequence(known) }
  }

  /** The topic is gone: what waits for it is refused. */
  topicDeleted(topicId: string): void {
    this.#options.memory.forgetTopic(topicId)
    for (const name of this.#doubts.keys()) if (name.startsWith(topicId)) this.#doubts.delete(name)
    this.#turns.endWaits((name) => name.startsWith(topicId))
  }

  /** The engine is closing: whoever waits is refused. Claims that are held are finished. */
  close(): void {
    this.#turns.endWaits(() => true)
  }

  /** A request that a start has found in part: these of its parts may be there, and are not known. In any order. */
  doubt(key: ProducerKey, doubt: DoubtfulRequest): void {
    const name = nameOf(key)
    const known = this.#doubts.get(name)
    // Only the newest may still be completed.
    if (known === undefined || known.request.sequence < doubt.request.sequence) this.#doubts.set(name, doubt)
  }

  #wait(applicant: Applicant): Promise<PublishClaim> {
    const { name, identity } = applicant
    const order = identity.kind === 'sequence' ? identity.sequence : 0
    return new Promise((resolve, reject) => {
      this.#turns.wait(name, order, (isLast) => {
        try {
          const claim = this.#attemptLater(applicant)
          if (claim) resolve(claim)
          else if (isLast) reject(this.#waitedInVain(applicant))
          return isLast || claim !== undefined
        } catch (error) {
          reject(error)
          return true
        }
      })
    })
  }

  #attemptLater(applicant: Applicant): PublishClaim | undefined {
    const { topic, key } = applicant
    this.#options.checkOpen()
    if (this.#options.topic(topic)?.topicId !== key.topicId) throw unknownTopic(topic)
    return this.#attempt(applicant)
  }

  /** Undefined: it has to wait. Throws what refuses it. */
  #attempt(applicant: Applicant): PublishClaim | undefined {
    const { topic, key, identity, name } = applicant
    const known = this.#known(key, name)
    const verdict = verdictOn(identity, known)
    switch (verdict.kind) {
      case 'complete':
        return completeClaim(verdict.request)
      case 'append':
        return this.#turns.isHeld(name) ? undefined : this.#grant(applicant, known?.bornMs, verdict.known)
      case 'early':
      case 'early-of-unknown':
        return undefined
      default:
        throw this.#refusal(topic, identity, verdict)
    }
  }

  /** A gap in what is known is the client's fault only where all is known. */
  #refusal(topic: string, identity: PublishIdentity, verdict: Refusal): Error {
    const away = isAboutGap(verdict) ? this.#options.factsAway?.() : undefined
    return away === undefined ? refusalOf(topic, identity, verdict) : predecessorsAway(topic, identity, away)
  }

  #verdict({ identity, key, name }: Applicant): Verdict {
    return verdictOn(identity, this.#known(key, name))
  }

  #known(key: ProducerKey, name: string): KnownProducer | undefined {
    const known = this.#options.memory.find(key)
    const doubt = this.#doubts.get(name)
    if (!doubt) return known
    const hasExpired = known === undefined && !this.#options.memory.isCurrent(factsOf(key, doubt))
    if (hasExpired || (known && isBehind(doubt, known))) {
      this.#doubts.delete(name)
      return known
    }
    return withDoubt(known, doubt)
  }

  #grant(applicant: Applicant, bornMs: number | undefined, known: RememberedRequest | undefined): RequestClaim {
    const { memory } = this.#options
    const { topic, identity, key, name } = applicant
    const room = memory.promise(key)
    if (!room) throw memoryFull(topic, identity)
    this.#turns.hold(name)
    const doubt = this.#doubts.get(name)
    const request: ClaimedRequest = {
      topic,
      key,
      identity,
      bornMs: bornMs ?? memory.nextBornMs(),
      partitionCount: known?.partitionCount ?? applicant.partitionCount,
      arrivedMs: known?.arrivedMs ?? applicant.arrivedMs,
      stored: known?.stored ?? [],
      doubt: isAbout(doubt, identity) ? doubt : undefined,
      room,
    }
    return new RequestClaim(request, name, this.#owner)
  }

  #waitedInVain(applicant: Applicant): Error {
    const { topic, identity } = applicant
    const verdict = this.#verdict(applicant)
    if (verdict.kind === 'complete' || verdict.kind === 'append') return stillUnderWay(topic, identity)
    return this.#refusal(topic, identity, verdict)
  }
}

function factsOf(key: ProducerKey, { bornMs, epoch, request }: DoubtfulRequest): RequestFacts {
  const partitions = [...request.stored.map(({ partition }) => partition), ...request.missing]
  return { ...key, ...request, bornMs, epoch, partitions }
}

/** Not so where what is known is enough to refuse. */
function isAboutGap({ kind }: Refusal): boolean {
  return kind !== 'fenced' && kind !== 'mismatch'
}

/** Begins with the topic's id. */
function nameOf({ topicId, kind, identityHash }: ProducerKey): string {
  return `${topicId}/${kind}/${identityHash.toString('latin1')}`
}

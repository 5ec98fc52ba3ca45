import assert from 'node:assert/strict'
import { BrokerError } from '../../broker/broker-error.ts'
import type { AppendPart, AppendPartResult, AppendRequest, AppendResult } from '../../broker/engine.ts'
import type { PublishClaim, PublishIdentity, StoredPart } from '../../broker/publish-claim.ts'
import type { AppendFacts } from '../commit/append-facts.ts'
import { memoryFull, partInDoubt } from '../../broker/claim-errors.ts'
import { ClaimFacts } from './claim-facts.ts'
import type { DoubtfulRequest } from './doubtful-requests.ts'
import type { RememberedRequest } from '../../broker/known-producer.ts'
import type { ProducerKey, RequestFacts } from './request-facts.ts'
import type { PromisedRoom, RequestMemory } from './request-memory.ts'

/** A request that is stored in full: there is nothing to hold. */
export function completeClaim({ partitionCount, arrivedMs, stored }: RememberedRequest): PublishClaim {
  return {
    partitionCount,
    arrivedMs,
    stored,
    isComplete: true,
    append: () => assert.fail('a complete request has nothing to append'),
    release: () => {},
  }
}

/** A request whose turn it is. */
export interface ClaimedRequest {
  readonly topic: string
  readonly key: ProducerKey
  readonly identity: PublishIdentity
  readonly bornMs: number
  readonly partitionCount: number
  readonly arrivedMs: number
  readonly stored: readonly StoredPart[]
  /** Of an earlier try of this very request. */
  readonly doubt: DoubtfulRequest | undefined
}

export interface RequestClaimOptions {
  readonly memory: RequestMemory
  readonly room: PromisedRoom
  readonly append: (topicId: string, request: AppendRequest, facts: AppendFacts) => Promise<AppendResult>
  /** After a try of which it is not known what was stored. */
  readonly doubted: (doubt: DoubtfulRequest) => void
  readonly letGo: () => void
}

/** See `PublishClaim`. */
export class RequestClaim implements PublishClaim {
  readonly isComplete = false
  readonly #request: ClaimedRequest
  readonly #options: RequestClaimOptions
  #state: 'held' | 'appending' | 'over' = 'held'

  constructor(request: ClaimedRequest, options: RequestClaimOptions) {
    this.#request = request
    this.#options = options
  }

  get partitionCount(): number {
    return this.#request.partitionCount
  }

  get arrivedMs(): number {
    return this.#request.arrivedMs
  }

  get stored(): readonly StoredPart[] {
    return this.#request.stored
  }

  release(): void {
    if (this.#state === 'held') this.#end()
  }

  async append(missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult> {
    assert.equal(this.#state, 'held', 'a claim is appended once')
    this.#state = 'appending'
    try {
      if (!this.#options.room.extend(partitions.length)) throw memoryFull(this.#request.topic, this.#request.identity)
      return await this.#append(missing, partitions)
    } finally {
      this.#end()
    }
  }

  #end(): void {
    this.#state = 'over'
    this.#options.room.giveBack()
    this.#options.letGo()
  }

  async #append(missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult> {
    const { topic, doubt, key } = this.#request
    const parts = doubt ? missing.filter(({ partition }) => !doubt.inDoubt.has(partition)) : missing
    if (parts.length === 0) throw partInDoubt(topic, missing[0]?.partition ?? -1)
    const facts = new ClaimFacts(this.#facts(partitions), parts, this.#options.memory)
    try {
      const result = await this.#options.append(key.topicId, { topic, parts, acks: 'all' }, facts)
      const unknown = result.parts.filter(({ error }) => error && !storedNothing(error))
      if (unknown.length > 0) this.#doubt(unknown, partitions)
      return parts === missing ? result : { ...result, parts: this.#withDoubtful(missing, result.parts) }
    } catch (error) {
      if (!storedNothing(error)) this.#doubt(parts, partitions)
      else if (parts !== missing) throw partInDoubt(topic, missing[0]?.partition ?? -1)
      throw error
    }
  }

  #facts(partitions: readonly number[]): Omit<RequestFacts, 'stored'> {
    const { key, identity, bornMs, partitionCount, arrivedMs } = this.#request
    const { epoch, sequence } = identity.kind === 'sequence' ? identity : { epoch: 0, sequence: 0 }
    const { fingerprint } = identity
    return { ...key, bornMs, epoch, sequence, fingerprint, partitionCount, arrivedMs, partitions }
  }

  #withDoubtful(missing: readonly AppendPart[], results: readonly AppendPartResult[]): AppendPartResult[] {
    return missing.map(({ partition }) => {
      const error = partInDoubt(this.#request.topic, partition)
      return (
        results.find((result) => result.partition === partition) ?? {
          partition,
          baseOffset: -1,
          logAppendTime: -1,
          error,
        }
      )
    })
  }

  #doubt(unknown: readonly { readonly partition: number }[], partitions: readonly number[]): void {
    const { doubt: earlier } = this.#request
    const { bornMs, epoch, sequence, fingerprint, partitionCount, arrivedMs } = this.#facts(partitions)
    this.#options.doubted({
      bornMs,
      epoch,
      request: { sequence, fingerprint, partitionCount, arrivedMs, stored: [], missing: partitions },
      inDoubt: new Set([...(earlier?.inDoubt ?? []), ...unknown.map(({ partition }) => partition)]),
    })
  }
}

function storedNothing(error: unknown): boolean {
  return error instanceof BrokerError && error.options.stored === 'no'
}

import assert from 'node:assert/strict'
import { BrokerError } from '../../broker/broker-error.ts'
import type { AppendPart, AppendPartResult, AppendRequest, AppendResult } from '../../broker/append-request.ts'
import type { PublishClaim, StoredPart } from '../../broker/publish-claim.ts'
import type { AppendFacts } from '../commit/append-facts.ts'
import { memoryFull, partInDoubt } from '../../broker/claim-errors.ts'
import { ClaimFacts } from './claim-facts.ts'
import { type DoubtfulRequest, doubtfulRequest } from './doubtful-requests.ts'
import type { RememberedRequest } from '../../broker/known-producer.ts'
import { requestFacts, type RequestOrigin } from './request-facts.ts'
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
export interface ClaimedRequest extends RequestOrigin {
  readonly topic: string
  readonly stored: readonly StoredPart[]
  /** Of an earlier try of this very request. */
  readonly doubt: DoubtfulRequest | undefined
  readonly room: PromisedRoom
}

/** Whoever gives claims out. */
export interface ClaimOwner {
  readonly memory: RequestMemory
  readonly append: (topicId: string, request: AppendRequest, facts: AppendFacts) => Promise<AppendResult>
  /** After a try of which it is not known what was stored. */
  readonly doubted: (name: string, doubt: DoubtfulRequest) => void
  readonly letGo: (name: string) => void
}

/** See `PublishClaim`. */
export class RequestClaim implements PublishClaim {
  readonly isComplete = false
  readonly #request: ClaimedRequest
  /** Of the producer or key, as its owner calls it. */
  readonly #name: string
  readonly #owner: ClaimOwner
  #state: 'held' | 'appending' | 'over' = 'held'

  constructor(request: ClaimedRequest, name: string, owner: ClaimOwner) {
    this.#request = request
    this.#name = name
    this.#owner = owner
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

  append(missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult> {
    assert.ok(this.#state === 'held', 'a claim is appended once')
    this.#state = 'appending'
    try {
      const { topic, identity, doubt, key, room } = this.#request
      if (!room.extend(partitions.length)) throw memoryFull(topic, identity)
      const parts = doubt ? missing.filter(({ partition }) => !doubt.inDoubt.has(partition)) : missing
      if (parts.length === 0) throw partInDoubt(topic, missing[0]?.partition ?? -1)
      const facts = new ClaimFacts(this.#request, partitions, parts, this.#owner.memory)
      return this.#owner.append(key.topicId, { topic, parts, acks: 'all' }, facts).then(
        (result) => this.#appended(missing, parts, partitions, result),
        (error: unknown) => this.#failed(missing, parts, partitions, error),
      )
    } catch (error) {
      this.#end()
      return Promise.reject(error)
    }
  }

  #end(): void {
    this.#state = 'over'
    this.#request.room.giveBack()
    this.#owner.letGo(this.#name)
  }

  #appended(
    missing: readonly AppendPart[],
    parts: readonly AppendPart[],
    partitions: readonly number[],
    result: AppendResult,
  ): AppendResult {
    try {
      if (result.parts.some(isUnknown)) this.#doubt(result.parts.filter(isUnknown), partitions)
      return parts === missing ? result : { ...result, parts: this.#withDoubtful(missing, result.parts) }
    } finally {
      this.#end()
    }
  }

  #failed(
    missing: readonly AppendPart[],
    parts: readonly AppendPart[],
    partitions: readonly number[],
    error: unknown,
  ): never {
    try {
      if (!storedNothing(error)) this.#doubt(parts, partitions)
      else if (parts !== missing) throw partInDoubt(this.#request.topic, missing[0]?.partition ?? -1)
      throw error
    } finally {
      this.#end()
    }
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
    const earlier = this.#request.doubt?.inDoubt ?? []
    const inDoubt = new Set([...earlier, ...unknown.map(({ partition }) => partition)])
    this.#owner.doubted(this.#name, doubtfulRequest(requestFacts(this.#request, partitions, []), inDoubt))
  }
}

function isUnknown({ error }: AppendPartResult): boolean {
  return error !== undefined && !storedNothing(error)
}

function storedNothing(error: unknown): boolean {
  return error instanceof BrokerError && error.options.stored === 'no'
}

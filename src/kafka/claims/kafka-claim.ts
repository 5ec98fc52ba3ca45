import assert from 'node:assert/strict'
import { BrokerError } from '../../broker/broker-error.ts'
import { ClaimLapsed } from '../../broker/claim-lapsed.ts'
import type { AppendPart, AppendPartResult, AppendResult } from '../../broker/append-request.ts'
import type { RememberedRequest } from '../../broker/known-producer.ts'
import type { PublishClaim, StoredPart } from '../../broker/publish-claim.ts'

/** A request whose turn it is, and that is stored nowhere. */
export interface GrantedRequest {
  readonly partitionCount: number
  readonly arrivedMs: number
  /** Resolves with where the parts are; rejects with a BrokerError that says what is stored. */
  readonly store: (parts: readonly AppendPart[]) => Promise<readonly StoredPart[]>
  readonly letGo: () => void
}

/** See `PublishClaim`: all of it is stored, or none. */
export class KafkaClaim implements PublishClaim {
  readonly stored: readonly StoredPart[] = []
  readonly isComplete = false
  readonly #request: GrantedRequest
  #state: 'held' | 'appending' | 'over' = 'held'

  constructor(request: GrantedRequest) {
    this.#request = request
  }

  get partitionCount(): number {
    return this.#request.partitionCount
  }

  get arrivedMs(): number {
    return this.#request.arrivedMs
  }

  async append(missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult> {
    assert.equal(this.#state, 'held', 'a claim is appended once')
    assert.equal(missing.length, partitions.length, 'what is stored in part does not exist')
    this.#state = 'appending'
    try {
      const parts = await this.#request.store(missing)
      return { durability: 'replicated', parts: parts.map(resultOf) }
    } catch (error) {
      if (!(error instanceof BrokerError) || error instanceof ClaimLapsed) throw error
      if (error.options.stored === 'no') throw error
      return inDoubt(missing, error)
    } finally {
      this.#end()
    }
  }

  release(): void {
    if (this.#state === 'held') this.#end()
  }

  #end(): void {
    this.#state = 'over'
    this.#request.letGo()
  }
}

export function completeClaim({ partitionCount, arrivedMs, stored }: RememberedRequest): PublishClaim {
  const append = (): never => {
    throw new Error('a complete request has nothing to append')
  }
  return { partitionCount, arrivedMs, stored, isComplete: true, append, release: () => {} }
}

function resultOf({ partition, baseOffset, logAppendTime, runs }: StoredPart): AppendPartResult {
  return { partition, baseOffset, logAppendTime, ...(runs !== undefined && { runs }) }
}

/** Told part by part: an append rejects only where nothing is stored. */
function inDoubt(parts: readonly AppendPart[], error: BrokerError): AppendResult {
  return {
    durability: 'replicated',
    parts: parts.map(({ partition }) => ({ partition, baseOffset: -1, logAppendTime: -1, error })),
  }
}

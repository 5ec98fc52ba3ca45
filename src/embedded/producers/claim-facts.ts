import type { AppendPart } from '../../broker/engine.ts'
import type { StoredPart } from '../../broker/publish-claim.ts'
import type { AppendFacts } from '../commit/append-facts.ts'
import type { LogAppended } from '../commit/queued-append.ts'
import { requestFactsBytes, writeRequestFacts } from './request-facts-codec.ts'
import type { RequestFacts } from './request-facts.ts'
import type { RequestMemory } from './request-memory.ts'

/** What a claim has written about itself, in each log directory that gets a part of it. */
export class ClaimFacts implements AppendFacts {
  readonly #request: Omit<RequestFacts, 'stored'>
  /** By partition. */
  readonly #recordCounts: ReadonlyMap<number, number>
  readonly #memory: Pick<RequestMemory, 'record'>

  constructor(
    request: Omit<RequestFacts, 'stored'>,
    parts: readonly AppendPart[],
    memory: Pick<RequestMemory, 'record'>,
  ) {
    this.#request = request
    this.#recordCounts = new Map(parts.map(({ partition, batches }) => [partition, recordCount(batches)]))
    this.#memory = memory
  }

  sizeBytes(partCount: number): number {
    return requestFactsBytes(this.#request.partitions.length, partCount)
  }

  write(into: Buffer, at: number, appended: readonly LogAppended[]): void {
    writeRequestFacts(into, at, this.#factsOf(appended))
  }

  committed(appended: readonly LogAppended[]): void {
    this.#memory.record(this.#factsOf(appended))
  }

  #factsOf(appended: readonly LogAppended[]): RequestFacts {
    return { ...this.#request, stored: appended.map((part) => this.#stored(part)) }
  }

  #stored({ partition, baseOffset, logAppendTime }: LogAppended): StoredPart {
    const count = this.#recordCounts.get(partition) ?? 0
    return { partition, baseOffset, lastOffset: baseOffset + count - 1, logAppendTime }
  }
}

function recordCount(batches: AppendPart['batches']): number {
  return batches.reduce((sum, batch) => sum + batch.recordCount, 0)
}

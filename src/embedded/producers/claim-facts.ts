import type { AppendPart } from '../../broker/append-request.ts'
import type { StoredPart } from '../../broker/publish-claim.ts'
import type { AppendFacts } from '../commit/append-facts.ts'
import type { LogAppended } from '../commit/log-append.ts'
import { requestFactsBytes, writeRequestFacts } from './request-facts-codec.ts'
import { requestFacts, type RequestFacts, type RequestOrigin } from './request-facts.ts'
import type { RequestMemory } from './request-memory.ts'

/** What a claim has written about itself, in each log directory that gets a part of it. */
export class ClaimFacts implements AppendFacts {
  readonly #request: RequestOrigin
  readonly #partitions: readonly number[]
  readonly #parts: readonly AppendPart[]
  readonly #memory: Pick<RequestMemory, 'committed'>
  /** What one directory has, as it was written: asked for again when it is durable. */
  #written: { readonly appended: readonly LogAppended[]; readonly facts: RequestFacts } | undefined

  /**
   * @param partitions all that the request has records for
   * @param parts those that are appended now
   */
  constructor(
    request: RequestOrigin,
    partitions: readonly number[],
    parts: readonly AppendPart[],
    memory: Pick<RequestMemory, 'committed'>,
  ) {
    this.#request = request
    this.#partitions = partitions
    this.#parts = parts
    this.#memory = memory
  }

  sizeBytes(partCount: number): number {
    return requestFactsBytes(this.#partitions.length, partCount)
  }

  write(into: Buffer, at: number, appended: readonly LogAppended[]): void {
    writeRequestFacts(into, at, this.#factsOf(appended))
  }

  committed(appended: readonly LogAppended[]): void {
    this.#memory.committed(this.#factsOf(appended))
  }

  #factsOf(appended: readonly LogAppended[]): RequestFacts {
    if (this.#written?.appended === appended) return this.#written.facts
    const facts = requestFacts(this.#request, this.#partitions, this.#storedOf(appended))
    this.#written = { appended, facts }
    return facts
  }

  #storedOf(appended: readonly LogAppended[]): StoredPart[] {
    const stored: StoredPart[] = []
    for (const [index, { partition, baseOffset, logAppendTime }] of appended.entries()) {
      const lastOffset = baseOffset + recordCount(this.#part(partition, index)) - 1
      stored.push({ partition, baseOffset, lastOffset, logAppendTime })
    }
    return stored
  }

  /** The rule: all parts go to one directory, in their order. */
  #part(partition: number, index: number): AppendPart | undefined {
    const part = this.#parts[index]
    return part?.partition === partition ? part : this.#parts.find((each) => each.partition === partition)
  }
}

function recordCount(part: AppendPart | undefined): number {
  let count = 0
  if (part) for (const batch of part.batches) count += batch.recordCount
  return count
}

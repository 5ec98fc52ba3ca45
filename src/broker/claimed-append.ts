import assert from 'node:assert/strict'
import { BrokerError } from './broker-error.ts'
import type { AppendPart, AppendPartResult, AppendResult, Durability } from './append-request.ts'
import type { PublishClaim, StoredPart } from './publish-claim.ts'

/** Checked and encoded: a part for each partition that the request has records for. Throws what refuses the request. */
export type PartsOfRequest = () => readonly AppendPart[] | Promise<readonly AppendPart[]>

/**
 * Stores of a request that is known again what is not stored yet; the answer is as if all of it were stored now. The
 * claim is over when this settles.
 *
 * Rejects as `Engine.append` does: only if nothing of the request is stored anywhere. What refuses a request of which
 * something was stored before rejects with `stored: partial`.
 *
 * @param parts not asked for where the request is complete: its checks were done the first time
 * @param durability of what was stored before
 */
export function appendClaimed(
  claim: PublishClaim,
  parts: PartsOfRequest,
  durability: Durability,
): Promise<AppendResult> {
  const { stored, isComplete } = claim
  if (isComplete) return Promise.resolve({ durability, parts: stored.map(resultOf) })
  try {
    const all = parts()
    if (!(all instanceof Promise)) return appendParts(claim, all, durability)
    return all.then(
      (later) => appendParts(claim, later, durability),
      (error: unknown) => {
        throw released(claim, error)
      },
    )
  } catch (error) {
    return Promise.reject(released(claim, error))
  }
}

/** Most requests come once, and cost no more than an append of theirs. */
function appendParts(claim: PublishClaim, all: readonly AppendPart[], durability: Durability): Promise<AppendResult> {
  assert(all.length > claim.stored.length, 'an incomplete request has parts that are not stored')
  if (claim.stored.length > 0) return complete(claim, all, durability)
  return claim.append(all, all.map(partitionOf))
}

async function complete(
  claim: PublishClaim,
  all: readonly AppendPart[],
  durability: Durability,
): Promise<AppendResult> {
  const results = new Map(claim.stored.map((part) => [part.partition, resultOf(part)]))
  const missing = all.filter(({ partition }) => !results.has(partition))
  for (const result of await appendMissing(claim, missing, all)) results.set(result.partition, result)
  const inOrder = all.map(({ partition }) => results.get(partition))
  return { durability, parts: inOrder.filter((result) => result !== undefined) }
}

/** Where other parts are stored, a rejection is the failure of those that are not. */
async function appendMissing(
  claim: PublishClaim,
  missing: readonly AppendPart[],
  all: readonly AppendPart[],
): Promise<readonly AppendPartResult[]> {
  try {
    return (await claim.append(missing, all.map(partitionOf))).parts
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return missing.map(({ partition }) => ({ partition, baseOffset: -1, logAppendTime: -1, error }))
  }
}

/** Nothing will be appended; what to say of it. */
function released(claim: PublishClaim, error: unknown): unknown {
  claim.release()
  return claim.stored.length > 0 && error instanceof BrokerError ? storedInPart(error) : error
}

function partitionOf({ partition }: AppendPart): number {
  return partition
}

function resultOf({ partition, baseOffset, logAppendTime, runs }: StoredPart): AppendPartResult {
  return { partition, baseOffset, logAppendTime, ...(runs !== undefined && { runs }) }
}

/** The settings of the topic have changed since: with the old ones the request can be completed. */
function storedInPart(error: BrokerError): BrokerError {
  const detail =
    `${error.message} Some partitions of this request were stored before the topic's settings changed: ` +
    'set them back and send it again to store the others.'
  return new BrokerError(error.code, detail, { ...error.options, stored: 'partial', cause: error })
}

import assert from 'node:assert/strict'
import { BrokerError } from './broker-error.ts'
import type { AppendPart, AppendPartResult, AppendResult, Durability } from './engine.ts'
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
export async function appendClaimed(
  claim: PublishClaim,
  parts: PartsOfRequest,
  durability: Durability,
): Promise<AppendResult> {
  const { stored, isComplete } = claim
  if (isComplete) return { durability, parts: stored.map(resultOf) }
  const all = await prepared(claim, parts)
  const known = new Map(stored.map((part) => [part.partition, resultOf(part)]))
  const missing = known.size === 0 ? all : all.filter(({ partition }) => !known.has(partition))
  const appended = await appendMissing(claim, missing, all, durability)
  if (known.size === 0) return appended
  for (const part of appended.parts) known.set(part.partition, part)
  const inOrder = all.map(({ partition }) => known.get(partition))
  return { durability: appended.durability, parts: inOrder.filter((part) => part !== undefined) }
}

async function prepared(claim: PublishClaim, parts: PartsOfRequest): Promise<readonly AppendPart[]> {
  try {
    const all = await parts()
    assert(all.length > claim.stored.length, 'an incomplete request has parts that are not stored')
    return all
  } catch (error) {
    claim.release()
    if (claim.stored.length > 0 && error instanceof BrokerError) throw storedInPart(error)
    throw error
  }
}

/** Where other parts are stored, a rejection is the failure of those that are not. */
async function appendMissing(
  claim: PublishClaim,
  missing: readonly AppendPart[],
  all: readonly AppendPart[],
  durability: Durability,
): Promise<AppendResult> {
  const partitions = all.map(({ partition }) => partition)
  try {
    return await claim.append(missing, partitions)
  } catch (error) {
    if (claim.stored.length === 0 || !(error instanceof BrokerError)) throw error
    const failed = { baseOffset: -1, logAppendTime: -1, error }
    return { durability, parts: missing.map(({ partition }) => ({ partition, ...failed })) }
  }
}

function resultOf({ partition, baseOffset, logAppendTime }: StoredPart): AppendPartResult {
  return { partition, baseOffset, logAppendTime }
}

/** The settings of the topic have changed since: with the old ones the request can be completed. */
function storedInPart(error: BrokerError): BrokerError {
  const detail =
    `${error.message} Some partitions of this request were stored before the topic's settings changed: ` +
    'set them back and send it again to store the others.'
  return new BrokerError(error.code, detail, { ...error.options, stored: 'partial', cause: error })
}

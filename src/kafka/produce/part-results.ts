import { BrokerError, type Stored } from '../../broker/broker-error.ts'
import type { AppendPart, AppendPartResult, StoredRun } from '../../broker/append-request.ts'
import type { BatchOutcome, FailedBatch, StoredBatch } from './outbound-batch.ts'

/** What to say of a part whose batches came to these outcomes, in their order. */
export function partResult({ partition, batches }: AppendPart, outcomes: readonly BatchOutcome[]): AppendPartResult {
  const failed = outcomes.flatMap((outcome, at) => (isFailed(outcome) ? [placed(outcome, batches.slice(0, at))] : []))
  const stored = outcomes.filter(isStored)
  const [first] = stored
  const counts = batches.map(({ recordCount }) => recordCount)
  if (failed.length === 0 && first !== undefined && followEachOther(stored, counts)) {
    return { partition, baseOffset: first.baseOffset, logAppendTime: first.logAppendTime }
  }
  const place = { partition, baseOffset: -1, logAppendTime: -1 }
  if (first === undefined) return { ...place, error: failureOf(failed, failed.every(isNotStored) ? 'no' : 'unknown') }
  const runs = outcomes.map((outcome, at) => runOf(outcome, counts[at] ?? 0))
  if (failed.length > 0) return { ...place, runs, error: failureOf(failed, 'partial') }
  return { partition, baseOffset: first.baseOffset, logAppendTime: first.logAppendTime, runs }
}

function followEachOther(batches: readonly StoredBatch[], counts: readonly number[]): boolean {
  let next = batches[0]?.baseOffset ?? -1
  if (next < 0) return true
  for (const [at, { baseOffset, logAppendTime }] of batches.entries()) {
    if (baseOffset !== next || logAppendTime !== batches[0]?.logAppendTime) return false
    next += counts[at] ?? 0
  }
  return true
}

function runOf(outcome: BatchOutcome, recordCount: number): StoredRun {
  if (outcome.kind === 'failed') return { recordCount, baseOffset: -1, logAppendTime: -1 }
  return { recordCount, baseOffset: outcome.baseOffset, logAppendTime: outcome.logAppendTime }
}

/** One whose records may be stored is told of first. */
function failureOf(failed: readonly FailedBatch[], stored: Stored): BrokerError {
  const worst = failed.find(({ stored: is }) => is === 'unknown') ?? failed[0]
  if (worst === undefined) throw new Error('no failure to tell of')
  const { code, message, options } = worst.failure
  const said = stored === 'partial' ? `${message} Some of the partition's batches were stored.` : message
  return new BrokerError(code, said, { ...options, stored, cause: worst.failure })
}

/** Its records are counted from the first of the part on. */
function placed(failed: FailedBatch, before: AppendPart['batches']): FailedBatch {
  const { code, message, options } = failed.failure
  const first = before.reduce((sum, { recordCount }) => sum + recordCount, 0)
  if (options.refusedRecords === undefined || first === 0) return failed
  const refusedRecords = options.refusedRecords.map((record) => ({ ...record, position: record.position + first }))
  return { ...failed, failure: new BrokerError(code, message, { ...options, refusedRecords, cause: failed.failure }) }
}

function isFailed(outcome: BatchOutcome): outcome is FailedBatch {
  return outcome.kind === 'failed'
}

function isStored(outcome: BatchOutcome): outcome is StoredBatch {
  return outcome.kind === 'stored'
}

function isNotStored({ stored }: FailedBatch): boolean {
  return stored === 'no'
}

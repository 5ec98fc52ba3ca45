import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import type { FaultResult } from './crash/simulation/fault-worker.ts'
import { OPERATIONS } from './crash/simulation/operations.ts'
import { runFaulted } from './crash/simulation/fault-run.ts'
import { resultsOf } from './crash/simulation/seed-runner.ts'

/**
 * Every call to the disk that an operation makes fails once, with EIO and with ENOSPC: answers are true, what is
 * acknowledged is there after a restart, nobody waits for ever, the directory that was hit is taken out of use or heals,
 * and the other one goes on.
 */

/** `CRASH_OPERATION=append CRASH_NTH=3` runs one again. */
const only = process.env['CRASH_OPERATION']
const onlyNth = process.env['CRASH_NTH'] === undefined ? undefined : Number(process.env['CRASH_NTH'])
/** The longest first, so that two workers end at about the same time. */
const operations = ['recovery', 'clean stop', ...[...OPERATIONS.keys()].filter((name) => name !== 'clean stop')]
/** Fewer, and an operation does no longer what it is here for. */
const CALLS_MIN = 400

/** No operation makes so many calls: nothing fails, and the power is cut behind it. */
const BEHIND_ALL_CALLS = 3002

async function runAll(): Promise<FaultResult[]> {
  const chosen = operations.filter((name) => only === undefined || name === only)
  const workers = Math.max(1, Math.min(chosen.length, availableParallelism()))
  const shares = Array.from({ length: workers }, (_, worker) => chosen.filter((_name, at) => at % workers === worker))
  const results = await Promise.all(
    shares.map((share) => resultsOf<FaultResult>('./fault-worker.ts', { operations: share, onlyNth })),
  )
  return results.flat()
}

test('each call of each operation fails once: answers are true, nothing acknowledged is lost, and it goes on', async (t) => {
  const began = performance.now()
  const results = await runAll()
  let calls = 0
  for (const result of results) {
    calls += result.calls
    t.diagnostic(
      `${result.operation}, ${result.code}: ${result.calls} calls, ${result.failures.length} promises broken`,
    )
    for (const { nth, failure } of result.failures.slice(0, 3)) {
      t.diagnostic(`call ${nth}: ${failure}`)
      t.diagnostic(
        `again: CRASH_OPERATION='${result.operation}' CRASH_NTH=${nth} npm run test:crash -- --lane io-errors`,
      )
    }
  }
  t.diagnostic(`${calls} failed calls in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  assert.deepEqual(
    results.filter(({ failures }) => failures.length > 0).map(({ operation, code }) => `${operation}, ${code}`),
    [],
  )
  assert.ok(only !== undefined || calls >= CALLS_MIN, `only ${calls} calls failed`)
})

test('the lane bites: an append that was not synced is missed after the restart', async () => {
  const append = OPERATIONS.get('append')
  assert.ok(append)
  await runFaulted(append, 'EIO', BEHIND_ALL_CALLS)
  await assert.rejects(runFaulted(append, 'EIO', BEHIND_ALL_CALLS, true), /is lost/)
})

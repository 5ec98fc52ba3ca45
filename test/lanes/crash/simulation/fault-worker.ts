import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { type FaultCode, runFaulted } from './fault-run.ts'
import { OPERATIONS } from './operations.ts'

export interface FaultResult {
  readonly operation: string
  readonly code: FaultCode
  /** Calls of the operation that were made to fail, one in each run. */
  readonly calls: number
  readonly failures: readonly { readonly nth: number; readonly failure: string }[]
}

// Runs operations, each once for every call that it makes, and tells what came of it.

assert.ok(parentPort, 'runs as a worker thread')
const port = parentPort
const { operations, onlyNth }: { readonly operations: readonly string[]; readonly onlyNth: number | undefined } =
  workerData
const CALLS_MAX = 1000
let unhandled: unknown
process.on('unhandledRejection', (error) => (unhandled ??= error))

for (const operation of operations) {
  for (const code of ['EIO', 'ENOSPC'] as const) port.postMessage(await everyCall(operation, code), [])
}

async function everyCall(operation: string, code: FaultCode): Promise<FaultResult> {
  const failures: { nth: number; failure: string }[] = []
  let calls = 0
  for (let nth = onlyNth ?? 1; nth <= (onlyNth ?? CALLS_MAX); nth++) {
    try {
      const { failed } = await runFaulted(OPERATIONS.get(operation) ?? 'recovery', code, nth)
      if (unhandled !== undefined) throw new Error('nobody handles a rejection', { cause: unhandled })
      if (!failed) break
    } catch (error) {
      unhandled = undefined
      failures.push({ nth, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
    calls++
  }
  return { operation, code, calls, failures }
}

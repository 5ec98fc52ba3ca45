import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { simulate } from './simulate.ts'
import type { SeedResult, SeedShare } from './seed-runner.ts'

// Runs every so-manieth seed, one after another, and tells how each ended.

assert.ok(parentPort, 'runs as a worker thread')
const { from, end, step }: SeedShare = workerData
process.on('unhandledRejection', (error) => {
  throw error
})
for (let seed = from; seed < end; seed += step) {
  let result: SeedResult
  try {
    result = { seed, ...(await simulate(seed)) }
  } catch (error) {
    result = { seed, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  parentPort.postMessage(result, [])
}

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Simulated } from './simulate.ts'
import { type Counts, noCounts } from './world.ts'

/** Every `step`-th seed from `from` on, before `end`. */
export interface SeedShare {
  readonly from: number
  readonly end: number
  readonly step: number
}

export type SeedResult = { readonly seed: number } & (Simulated | { readonly failure: string })

export interface SeedReport {
  /** By seed. */
  readonly traces: ReadonlyMap<number, string>
  readonly failures: readonly { readonly seed: number; readonly failure: string }[]
  readonly counts: Counts
}

/** Garbage of one seed is none of the next's: few collections make it quicker. */
const YOUNG_MIB = 48

/** Simulates seeds side by side, one worker a processor; ends when all have ended. */
export async function runSeeds(from: number, count: number): Promise<SeedReport> {
  const workers = Math.max(1, Math.min(count, availableParallelism()))
  const results = (
    await Promise.all(
      Array.from({ length: workers }, (_, first) => runShare({ from: from + first, end: from + count, step: workers })),
    )
  ).flat()
  const counts = noCounts()
  const traces = new Map<number, string>()
  const failures: { seed: number; failure: string }[] = []
  for (const result of results) {
    if ('failure' in result) failures.push(result)
    else {
      traces.set(result.seed, result.trace)
      add(counts, result.counts)
    }
  }
  return { traces, failures: failures.toSorted((one, other) => one.seed - other.seed), counts }
}

function runShare(share: SeedShare): Promise<SeedResult[]> {
  return resultsOf<SeedResult>('./seed-worker.ts', share)
}

/** What a worker tells until it ends. */
export function resultsOf<Result>(script: string, workerData: unknown): Promise<Result[]> {
  const results: Result[] = []
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  })
  worker.on('message', (result: Result) => results.push(result))
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => resolve(results))
  })
}

function add(sum: Counts, counts: Counts): void {
  sum.requests += counts.requests
  sum.acknowledged += counts.acknowledged
  sum.repeats += counts.repeats
  sum.recordsSeen += counts.recordsSeen
  sum.commits += counts.commits
  sum.joins += counts.joins
  sum.topicsMade += counts.topicsMade
  sum.topicsDeleted += counts.topicsDeleted
  sum.deletions += counts.deletions
  sum.removals += counts.removals
  sum.compactions += counts.compactions
  sum.kills += counts.kills
  sum.cuts += counts.cuts
  sum.cleanStops += counts.cleanStops
  sum.inRecovery += counts.inRecovery
  sum.calls += counts.calls
  sum.failedCalls += counts.failedCalls
}

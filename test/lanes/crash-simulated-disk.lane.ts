import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cyclesOf, seed as firstSeed } from './crash/scale.ts'
import { PLANTED_FAULTS } from './crash/simulation/planted-fault.ts'
import { runSeeds } from './crash/simulation/seed-runner.ts'
import { LIVES, simulate } from './crash/simulation/simulate.ts'

/**
 * A whole engine on a disk in memory that loses, keeps, tears and reorders at a crash whatever was not synced: seeds
 * decide what clients do, in which order the disk's calls take effect, and where the crashes come. Everything happens
 * again the same in a run of the same seed.
 */

const SEEDS = cyclesOf({ inCi: 2000, long: 50_000 })
/** Each fault is found in so many seeds, the first life of each being sound. */
const SEEDS_TO_FIND = 12
const REPEATED = 4

let traces: ReadonlyMap<number, string> = new Map()

test(`${SEEDS} seeds: nothing promised is broken by crashes at any call`, async (t) => {
  const began = performance.now()
  const report = await runSeeds(firstSeed, SEEDS)
  traces = report.traces
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  t.diagnostic(`seeds ${firstSeed} to ${firstSeed + SEEDS - 1} in ${seconds} s: ${JSON.stringify(report.counts)}`)
  for (const { seed, failure } of report.failures.slice(0, 5)) {
    t.diagnostic(`seed ${seed}: ${failure}`)
    t.diagnostic(`again: npm run test:crash -- --lane simulated-disk --cycles 1 --seed ${seed}`)
  }
  assert.deepEqual(
    report.failures.map(({ seed }) => seed),
    [],
    'seeds in which a promise was broken',
  )
  const { acknowledged, kills, cuts, failedCalls } = report.counts
  assert.equal(kills + cuts, SEEDS * LIVES)
  assert.ok(SEEDS < 100 || acknowledged > SEEDS * 15, `only ${acknowledged} requests were acknowledged`)
  assert.ok(SEEDS < 100 || failedCalls > SEEDS / 8, `only ${failedCalls} calls failed`)
})

test('a seed does the same to its disk in every run', async () => {
  for (let seed = firstSeed; seed < firstSeed + Math.min(REPEATED, SEEDS); seed++) {
    assert.equal((await simulate(seed)).trace, traces.get(seed), `seed ${seed}`)
  }
  assert.ok(SEEDS < 2 || new Set(traces.values()).size > SEEDS * 0.99, 'different seeds do the same')
})

for (const fault of PLANTED_FAULTS) {
  test(`the lane bites: ${fault} is found in ${SEEDS_TO_FIND} seeds`, async (t) => {
    const broken: string[] = []
    for (let seed = 1; seed <= SEEDS_TO_FIND; seed++) {
      await simulate(seed, fault).catch((error: unknown) => broken.push(`seed ${seed}: ${String(error).slice(0, 150)}`))
    }
    t.diagnostic(`found by ${broken.length} of ${SEEDS_TO_FIND} seeds; ${broken[0]}`)
    assert.ok(broken.length > 0)
  })
}

import { test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { startApi } from './api-server.ts'
import { type Step, type Sent, World } from './repeated-requests-world.ts'

const who = fc.nat({ max: 2 })
const anySent: fc.Arbitrary<Sent> = fc.record(
  {
    key: fc.constantFrom('a', 'b', 'user-42', 'ü'),
    value: fc.constantFrom('x', 'line\n', '€', ''),
    partition: fc.nat({ max: 3 }),
    timestamp: fc.constantFrom(1_700_000_000_000, 1_600_000_000_000),
  },
  { requiredKeys: [] },
)
const records = fc.array(anySent, { minLength: 1, maxLength: 6 })
const times = fc.integer({ min: 1, max: 4 })
const back = fc.nat({ max: 6 })

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), who, records, times }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('repeat' as const), who, back, times }) },
  fc.record({ kind: fc.constant('other-body' as const), who, back }),
  fc.record({ kind: fc.constant('skip' as const), who, ahead: fc.nat({ max: 9 }) }),
  fc.record({ kind: fc.constant('lose-count' as const), who }),
  fc.record({ kind: fc.constant('old-epoch' as const), who }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('break' as const), partition: fc.nat({ max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mend' as const) }) },
  fc.record({ kind: fc.constant('grow' as const) }),
  fc.record({ kind: fc.constant('shrink-limit' as const) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 1000) }),
  fc.record({ kind: fc.constant('recreate' as const) }),
)

test('whatever publishers, networks and administrators do: each request is stored once, where its answers say', async (t: TestContext) => {
  const server = await startApi(t)
  let topics = 0
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40, size: 'max' }), async (steps) => {
      const world = new World(server, `orders-${topics++}`)
      await world.create()
      for (const step of steps) await world.take(step)
      await world.check()
    }),
    { numRuns: 150 },
  )
})

import { describe, test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryEngine } from '../support/memory-engine.ts'
import { allPromises } from './engine-under-test.ts'
import { membershipConformance } from './membership-conformance.ts'

describe('memory engine: membership', { concurrency: 4 }, () => {
  membershipConformance({
    test,
    promises: allPromises,
    async make() {
      const engine = new MemoryEngine(new FakeClock())
      await engine.groups.load()
      return engine
    },
  })
})

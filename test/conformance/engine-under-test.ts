import type { TestContext } from 'node:test'
import type { Engine } from '../../src/broker/engine.ts'

export interface EngineUnderTest {
  readonly name: string
  /** A new, empty engine, closed behind the test. At most 3 of its reads may wait at the same time. */
  readonly make: (t: TestContext) => Promise<Engine>
  /** What its acknowledgement of `acks=all` vouches for. */
  readonly durability: 'fsync' | 'replicated'
}

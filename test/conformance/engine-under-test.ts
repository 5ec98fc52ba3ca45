import type { TestContext } from 'node:test'
import type { Engine } from '../../src/broker/engine.ts'

export interface EngineUnderTest {
  readonly name: string
  /** A new, empty engine, closed behind the test. At most 3 of its reads may wait at the same time. */
  readonly make: (t: TestContext) => Promise<Engine>
  /** What its acknowledgement of `acks=all` vouches for. */
  readonly durability: 'fsync' | 'replicated'
  /** `test` of node:test, or one that leaves out what the engine does otherwise. */
  readonly test: ConformanceTest
  /** How many engines may be made at the same time. */
  readonly concurrency: number
}

export type ConformanceTest = (name: string, run: (t: TestContext) => Promise<void>) => unknown

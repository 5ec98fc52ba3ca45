import type { TestContext } from 'node:test'
import type { Engine } from '../../src/broker/engine.ts'

export interface EngineUnderTest {
  readonly name: string
  /** A new, empty engine, closed behind the test. At most 3 of its reads may wait at the same time. */
  readonly make: (t: TestContext) => Promise<Engine>
  /** What its acknowledgement of `acks=all` vouches for. */
  readonly durability: 'fsync' | 'replicated'
  readonly promises: EnginePromises
  /** `test` of node:test, or one that leaves out what the engine does otherwise. */
  readonly test: ConformanceTest
  /** How many engines may be made at the same time. */
  readonly concurrency: number
}

/** What an engine may promise beyond the port. Where it does, the suite holds it to that. */
export interface EnginePromises {
  /** Nothing but records takes offsets. */
  readonly denseOffsets: boolean
  /** A new engine has no topics, none of its own either. */
  readonly emptyAtFirst: boolean
  /** The coordinator knows of topics at once, and its members of all that happens, also of what they were not told of yet. */
  readonly coordinatorIsHere: boolean
}

export const allPromises: EnginePromises = { denseOffsets: true, emptyAtFirst: true, coordinatorIsHere: true }

export type ConformanceTest = (name: string, run: (t: TestContext) => Promise<void>) => unknown

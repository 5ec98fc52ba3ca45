import { describe } from 'node:test'
import { appendConformance } from './append-conformance.ts'
import { closeConformance } from './close-conformance.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { groupConformance } from './group-conformance.ts'
import { readConformance } from './read-conformance.ts'
import { topicConformance } from './topic-conformance.ts'
import { waitConformance } from './wait-conformance.ts'

/** What every engine does alike: the contract of the port, written down as tests. */
export function engineConformance(engine: EngineUnderTest): void {
  describe(`${engine.name}: topics`, () => topicConformance(engine))
  describe(`${engine.name}: append`, () => appendConformance(engine))
  describe(`${engine.name}: read`, () => readConformance(engine))
  describe(`${engine.name}: wait`, () => waitConformance(engine))
  describe(`${engine.name}: groups`, () => groupConformance(engine))
  describe(`${engine.name}: close`, () => closeConformance(engine))
}

import { describe } from 'node:test'
import { appendConformance } from './append-conformance.ts'
import { closeConformance } from './close-conformance.ts'
import type { EngineUnderTest } from './engine-under-test.ts'
import { groupConformance } from './group-conformance.ts'
import { membershipConformance } from './membership-conformance.ts'
import { producersConformance } from './producers-conformance.ts'
import { readConformance } from './read-conformance.ts'
import { recordDeletionConformance } from './record-deletion-conformance.ts'
import { topicConformance } from './topic-conformance.ts'
import { waitConformance } from './wait-conformance.ts'

/** What every engine does alike: the contract of the port, written down as tests. Each test has an engine of its own. */
export function engineConformance(engine: EngineUnderTest): void {
  const concurrent = { concurrency: engine.concurrency }
  describe(`${engine.name}: topics`, concurrent, () => topicConformance(engine))
  describe(`${engine.name}: append`, concurrent, () => appendConformance(engine))
  describe(`${engine.name}: producers`, concurrent, () => producersConformance(engine))
  describe(`${engine.name}: read`, concurrent, () => readConformance(engine))
  describe(`${engine.name}: record deletion`, concurrent, () => recordDeletionConformance(engine))
  describe(`${engine.name}: wait`, concurrent, () => waitConformance(engine))
  describe(`${engine.name}: groups`, concurrent, () => groupConformance(engine))
  describe(`${engine.name}: membership`, concurrent, () => membershipConformance(engine))
  describe(`${engine.name}: close`, concurrent, () => closeConformance(engine))
}

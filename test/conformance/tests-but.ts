import { test } from 'node:test'
import type { ConformanceTest } from './engine-under-test.ts'
import type { EngineDifference } from './kafka-differences.ts'

/** All tests but those that an engine is known to do otherwise: these are shown as skipped, with the reason. */
export function testsBut(
  differences: readonly EngineDifference[],
  timeoutMs: number,
): { readonly test: ConformanceTest; readonly unused: () => readonly string[] } {
  const left = new Map(differences.map(({ test: name, reason }) => [name, reason]))
  const unused = new Set(left.keys())

  return {
    test: (name, run) => {
      unused.delete(name)
      const skip = left.get(name)
      return test(name, { timeout: timeoutMs, ...(skip !== undefined && { skip }) }, run)
    },
    unused: () => [...unused],
  }
}

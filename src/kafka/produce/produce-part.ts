import type { EngineContext, ProducePart } from '../engine-parts.ts'
import { notThere } from '../not-there.ts'

export function createProducePart(_context: EngineContext): ProducePart {
  return {
    producers: {
      claim: () => Promise.reject(notThere('Publishing with an identity')),
      describe: () => Promise.reject(notThere('Publishing with an identity')),
    },
    append: () => Promise.reject(notThere('Publishing')),
    refusals: 0,
    close: () => Promise.resolve(),
  }
}

import type { EngineContext, FetchPart } from '../engine-parts.ts'
import { notThere } from '../not-there.ts'

export function createFetchPart(_context: EngineContext): FetchPart {
  return {
    read: () => Promise.reject(notThere('Reading')),
    listOffsets: () => Promise.reject(notThere('Looking up offsets')),
    refusals: 0,
    close: () => Promise.resolve(),
  }
}

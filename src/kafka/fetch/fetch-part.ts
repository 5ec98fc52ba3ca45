import type { EngineContext, FetchPart } from '../engine-parts.ts'
import { ClusterReads } from './cluster-reads.ts'
import { listOffsets } from './list-offsets.ts'

export function createFetchPart({ client, limits }: EngineContext): FetchPart {
  const reads = new ClusterReads(client, limits)
  return {
    read: (request) => reads.read(request),
    listOffsets: (queries) => listOffsets(client, queries),
    get refusals() {
      return reads.refusals
    },
    close: () => reads.close(),
  }
}

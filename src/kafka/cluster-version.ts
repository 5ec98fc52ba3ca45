import { apiVersionsV3 } from '@platformatic/kafka'
import { StartupError } from '../broker/startup-error.ts'
import type { ClusterClient } from './cluster-client.ts'

interface NeededApi {
  readonly name: string
  readonly apiKey: number
  readonly version: number
}

/** Those that tell an old cluster from one that has all we use: each came with Kafka 3.8 to 4.0. */
const needed: readonly NeededApi[] = [
  { name: 'ListOffsets', apiKey: 2, version: 9 },
  { name: 'OffsetCommit', apiKey: 8, version: 9 },
  { name: 'OffsetFetch', apiKey: 9, version: 9 },
  { name: 'FindCoordinator', apiKey: 10, version: 6 },
  { name: 'ConsumerGroupHeartbeat', apiKey: 68, version: 0 },
]

/** Rejects with StartupError where the cluster is older than what a gateway needs. */
export async function checkClusterVersion(client: ClusterClient): Promise<void> {
  const { apiKeys } = await client.toAny((to) => apiVersionsV3.api.async(to, 'posthorn', '1'), {
    doing: 'to say which version of Kafka it is',
  })
  const missing = needed.filter(({ apiKey, version }) => {
    const offered = apiKeys.find((api) => api.apiKey === apiKey)
    return offered === undefined || offered.maxVersion < version || offered.minVersion > version
  })
  if (missing.length === 0) return
  const names = missing.map(({ name, version }) => `${name} v${version}`).join(', ')
  throw new StartupError(
    `engine=kafka needs Apache Kafka 4.0 or later, with the group protocol "consumer": this cluster does not offer ${names}`,
  )
}

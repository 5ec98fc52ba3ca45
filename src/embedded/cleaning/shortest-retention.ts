import type { TopicConfig } from '../../broker/topic-config.ts'

/** The shortest time that any of these topics keeps records or tombstones for; infinite where all keep them for ever. */
export function shortestRetentionMs(configs: Iterable<TopicConfig>): number {
  let shortest = Infinity
  for (const { cleanupPolicy, retentionMs, deleteRetentionMs } of configs) {
    if (cleanupPolicy.includes('delete') && retentionMs >= 0) shortest = Math.min(shortest, retentionMs)
    if (cleanupPolicy.includes('compact')) shortest = Math.min(shortest, deleteRetentionMs)
  }
  return shortest
}

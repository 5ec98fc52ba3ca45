import type { Clock } from '../../broker/clock.ts'
import { WorkTurns } from '../groups/work-turns.ts'
import type { PackedRequestMemory } from './packed-request-memory.ts'

/**
 * Of one partition, by the producer id in its batches, the last offset of each producer that is remembered: compaction
 * keeps those batches, if only their headers, as Kafka does. In turns of the event loop, for there may be many.
 */
export async function lastOffsetsOfProducers(
  requests: Pick<PackedRequestMemory, 'all'>,
  { topicId, partition }: { readonly topicId: string; readonly partition: number },
  clock: Clock,
): Promise<ReadonlyMap<bigint, number>> {
  const turns = new WorkTurns(clock)
  const lastOffsets = new Map<bigint, number>()
  for (const { kind, identityHash, stored } of requests.all(topicId)) {
    while (turns.isOver) await turns.next()
    const part = stored.find((candidate) => candidate.partition === partition)
    if (kind !== 'sequence' || !part) continue
    // As `numericProducerId` of the broker: both are the beginning of the same hash.
    const producerId = identityHash.readBigUInt64BE(0) >> 1n
    lastOffsets.set(producerId, Math.max(part.lastOffset, lastOffsets.get(producerId) ?? -1))
  }
  return lastOffsets
}

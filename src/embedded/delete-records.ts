import { deletionBeyondEnd } from '../broker/deletion-beyond-end.ts'
import type { PartitionBounds } from '../broker/topic-store.ts'
import type { Catalogue } from './catalogue/catalogue.ts'
import type { LiveTopic } from './live-topic.ts'
import { offlinePartition, offlineReason, partitionSlot } from './served-partition.ts'

/**
 * See `TopicStore.deleteRecords`. One at a time for a topic. The catalogue says so durably before any reader sees it, so
 * that no record comes back after a crash.
 */
export async function deleteRecords(
  catalogue: Pick<Catalogue, 'apply'>,
  topic: LiveTopic,
  partition: number,
  before: number | 'latest',
): Promise<PartitionBounds> {
  const slot = partitionSlot(topic, partition)
  const reason = offlineReason(slot)
  if (!slot.host || reason !== undefined) throw offlinePartition(topic.name, partition, reason)
  const { log } = slot
  const { highWatermark } = log
  const offset = before === 'latest' ? highWatermark : before
  if (offset > highWatermark) throw deletionBeyondEnd(topic.name, partition, offset, log)
  if (offset > log.logStartOffset) {
    await catalogue.apply({ kind: 'log-start', topicId: topic.topicId, partition, logStartOffset: offset })
    // Retention may have gone further meanwhile.
    log.logStartOffset = Math.max(log.logStartOffset, offset)
  }
  return { logStartOffset: log.logStartOffset, highWatermark: log.highWatermark }
}

import { BrokerError } from '../broker/broker-error.ts'
import type { LiveTopic, PartitionSlot, ServedPartition } from './live-topic.ts'
import type { TopicTable } from './topic-table.ts'

export interface PartitionAddress {
  readonly topic: string
  /** If given, a topic of that name with another id is UNKNOWN_TOPIC_ID. */
  readonly topicId?: string
  readonly partition: number
}

/** The partition if it can be read; throws UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID or KAFKA_STORAGE_ERROR. */
export function servedPartition(
  table: TopicTable,
  { topic: name, topicId, partition }: PartitionAddress,
): ServedPartition {
  const topic = table.get(name)
  if (!topic) throw unknownTopic(name)
  if (topicId !== undefined && topicId !== topic.topicId) {
    throw new BrokerError(
      'UNKNOWN_TOPIC_ID',
      `The topic '${name}' was deleted and created again: its id is ${topic.topicId}, not ${topicId}. Start anew, ` +
        `without the old cursor.`,
    )
  }
  const slot = partitionSlot(topic, partition)
  const reason = offlineReason(slot)
  if (!slot.host || reason !== undefined) throw offlinePartition(name, partition, reason)
  return slot
}

export function partitionSlot(topic: LiveTopic, partition: number): PartitionSlot {
  const slot = topic.slots[partition]
  if (slot) return slot
  throw new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `The topic '${topic.name}' has no partition ${partition}: it has 0 to ${topic.slots.length - 1}.`,
    { stored: 'no' },
  )
}

/** Why it cannot be read; undefined where it can, also if its directory takes no more appends. */
export function offlineReason(slot: PartitionSlot): string | undefined {
  if (!slot.host) return slot.reason
  if (slot.log.offlineReason !== undefined) return slot.log.offlineReason
  return slot.host.log.state === 'offline' ? slot.host.log.reason : slot.host.directory.offlineReason
}

export function unknownTopic(name: string): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic '${name}'.`, { stored: 'no' })
}

export function offlinePartition(topic: string, partition: number, reason: string | undefined): BrokerError {
  return new BrokerError(
    'KAFKA_STORAGE_ERROR',
    `Partition ${partition} of '${topic}' is offline: ${reason ?? 'its log directory is'}. See /log-dirs.`,
    { stored: 'no', retryAfterSeconds: 30 },
  )
}

import { BrokerError } from './broker-error.ts'
import type { TopicSummary } from './topic-store.ts'

type PartitionedTopic = Pick<TopicSummary, 'name' | 'partitionCount'>

const range = /^(\d{1,9})(?:-(\d{1,9}))?$/

/**
 * Partition numbers of a text such as `0-63,70`, ascending, each once. A number the topic does not have is
 * UNKNOWN_TOPIC_OR_PARTITION.
 */
export function parsePartitions(text: string, topic: string, partitionCount: number): number[] {
  const chosen = new Set<number>()
  for (const part of text.split(',')) {
    const match = range.exec(part)
    const from = Number(match?.[1])
    const to = Number(match?.[2] ?? match?.[1])
    if (match === null || to < from) throw malformed(part)
    if (to >= partitionCount) throw unknownPartition(topic, to, partitionCount, '?partitions')
    for (let partition = from; partition <= to; partition += 1) chosen.add(partition)
  }
  return [...chosen].sort((a, b) => a - b)
}

/** The partitions a read covers: those of the parameter, else all. */
export function chosenPartitions(topic: PartitionedTopic, partitions: string | undefined): number[] {
  if (partitions === undefined) return allPartitions(topic.partitionCount)
  return parsePartitions(partitions, topic.name, topic.partitionCount)
}

export function allPartitions(partitionCount: number): number[] {
  return Array.from({ length: partitionCount }, (_, partition) => partition)
}

/** @param pointer where the request has the number: by default in the path */
export function unknownPartition(
  topic: string,
  partition: number,
  partitionCount: number,
  pointer = 'partition',
): BrokerError {
  const detail = `The topic "${topic}" has no partition ${partition}: its ${partitionCount} partitions are 0 to ${partitionCount - 1}.`
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', detail, { errors: [{ pointer, detail }] })
}

function malformed(part: string): BrokerError {
  const detail =
    `The parameter "partitions" has the part ${JSON.stringify(part.slice(0, 64))}: ` +
    'give numbers and ascending ranges such as 0-63,70.'
  return new BrokerError('INVALID_REQUEST', detail, { errors: [{ pointer: '?partitions', detail }] })
}

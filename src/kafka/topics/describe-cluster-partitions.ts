import { listOffsetsV9 } from '@platformatic/kafka'
import { BrokerError } from '../../broker/broker-error.ts'
import type { PartitionBounds, PartitionDescription } from '../../broker/topic-store.ts'
import type { ClusterClient } from '../cluster-client.ts'
import type { ClusterPartition, ClusterTopic } from '../cluster-metadata.ts'
import { partitionFiles } from '../describe-log-dirs.ts'
import { refusal, withErrorsInIt } from '../kafka-errors.ts'

const EARLIEST = -2n
const LATEST = -1n
/** The latest offset is then the one below which nothing is undecided: what readers see. */
const READ_COMMITTED = 1

interface PartitionFacts extends PartitionBounds {
  readonly logDir: string
  readonly sizeBytes: number
}

const unknownFacts: PartitionFacts = { logStartOffset: -1, highWatermark: -1, logDir: '', sizeBytes: 0 }

/** One request of each kind to each leader. A partition whose leader does not answer is described without its offsets. */
export async function describeClusterPartitions(
  client: ClusterClient,
  topic: ClusterTopic,
): Promise<PartitionDescription[]> {
  const byLeader = Map.groupBy(topic.partitions, ({ leader }) => leader)
  const facts = new Map<number, PartitionFacts>()
  await Promise.all(
    [...byLeader].map(async ([leader, partitions]) => {
      if (leader < 0) return
      const found = await leaderFacts(client, leader, topic.name, partitions).catch(unlessBug)
      for (const [partition, fact] of found) facts.set(partition, fact)
    }),
  )
  return topic.partitions.map((partition) => described(partition, facts.get(partition.partition)))
}

function unlessBug(error: unknown): Map<number, PartitionFacts> {
  if (error instanceof BrokerError) return new Map()
  throw error
}

function described(
  { partition, leader, replicas, isr }: ClusterPartition,
  facts: PartitionFacts | undefined,
): PartitionDescription {
  return {
    partition,
    leader,
    replicas,
    isr,
    online: facts !== undefined,
    ...(facts ?? unknownFacts),
    segments: [],
    retention: { removedAt: -1, removedSegments: 0, removedBytes: 0, pinnedByTimestamp: -1 },
  }
}

async function leaderFacts(
  client: ClusterClient,
  leader: number,
  topic: string,
  partitions: readonly ClusterPartition[],
): Promise<Map<number, PartitionFacts>> {
  const numbers = partitions.map(({ partition }) => partition)
  const [starts, ends, files] = await Promise.all([
    leaderOffsets(client, leader, topic, numbers, EARLIEST),
    leaderOffsets(client, leader, topic, numbers, LATEST),
    // Whoever may not describe the cluster is not told sizes.
    partitionFiles(client, leader, topic, numbers).catch((error: unknown) => {
      if (error instanceof BrokerError) return undefined
      throw error
    }),
  ])
  const facts = new Map<number, PartitionFacts>()
  for (const partition of numbers) {
    const [logStartOffset, highWatermark] = [starts.get(partition), ends.get(partition)]
    if (logStartOffset === undefined || highWatermark === undefined) continue
    const { logDir = '', sizeBytes = 0 } = files?.get(partition) ?? {}
    facts.set(partition, { logStartOffset, highWatermark, logDir, sizeBytes })
  }
  return facts
}

/** Of those partitions that the node leads. */
async function leaderOffsets(
  client: ClusterClient,
  leader: number,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<Map<number, number>> {
  const asked = partitions.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp }))
  const answer = await client.toNode(
    leader,
    (to) => withErrorsInIt(listOffsetsV9.api.async(to, -1, READ_COMMITTED, [{ name: topic, partitions: asked }])),
    { doing: `to say how far the topic "${topic}" reaches` },
  )
  const found = new Map<number, number>()
  for (const { partitionIndex, errorCode, offset } of answer.topics.flatMap((entry) => entry.partitions)) {
    if (errorCode === 0) found.set(partitionIndex, Number(offset))
  }
  return found
}

/** What can be read of a partition now. */
export async function partitionBounds(
  client: ClusterClient,
  topic: string,
  partition: number,
): Promise<PartitionBounds> {
  const offsetAt = (timestamp: bigint): Promise<number> => leaderOffset(client, topic, partition, timestamp)
  const [logStartOffset, highWatermark] = await Promise.all([offsetAt(EARLIEST), offsetAt(LATEST)])
  return { logStartOffset, highWatermark }
}

async function leaderOffset(
  client: ClusterClient,
  topic: string,
  partition: number,
  timestamp: bigint,
): Promise<number> {
  const asked = [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }] }]
  const doing = `to say how far the partition ${topic}-${partition} reaches`
  const answer = await client.toLeader(
    topic,
    partition,
    (to) => listOffsetsV9.api.async(to, -1, READ_COMMITTED, asked),
    {
      doing,
    },
  )
  const found = answer.topics[0]?.partitions[0]
  if (found === undefined) throw refusal(-1, doing)
  return Number(found.offset)
}

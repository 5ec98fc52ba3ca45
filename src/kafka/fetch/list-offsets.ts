import { listOffsetsV9 } from '@platformatic/kafka'
import { BrokerError } from '../../broker/broker-error.ts'
import type { OffsetAnswer, OffsetQuery, OffsetSpec } from '../../broker/engine.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { withErrorsInIt } from '../kafka-errors.ts'
import { askLeaders, type Located, type Outcome } from './leader-questions.ts'

const EARLIEST = -2n
const LATEST = -1n
const READ_COMMITTED = 1
const CONSUMER = -1
const PATIENCE_MS = 3000

/** See `Engine.listOffsets`. */
export async function listOffsets(
  client: ClusterClient,
  queries: readonly OffsetQuery[],
): Promise<readonly OffsetAnswer[]> {
  const answers = await askLeaders<OffsetQuery, FoundOffset>(client, queries, {
    ask: (nodeId, located) => askNode(client, nodeId, located),
    patienceMs: PATIENCE_MS,
    doing: 'to look up offsets',
  })
  return queries.map(({ topic, partition }, index) => {
    const answer = answers[index]
    if (answer instanceof BrokerError) return { topic, partition, offset: null, timestamp: -1, error: answer }
    return { topic, partition, offset: answer?.offset ?? null, timestamp: answer?.timestamp ?? -1 }
  })
}

interface FoundOffset {
  readonly offset: number | null
  readonly timestamp: number
}

async function askNode(
  client: ClusterClient,
  nodeId: number,
  located: readonly Located<OffsetQuery>[],
): Promise<readonly Outcome<FoundOffset>[]> {
  const byTopic = Map.groupBy(located, ({ topic }) => topic.name)
  const topics = [...byTopic].map(([name, entries]) => ({
    name,
    partitions: entries.map(({ question, partition }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: -1,
      timestamp: timestampOf(question.at),
    })),
  }))
  const connection = await client.connectionTo(nodeId, 'control')
  const asked = listOffsetsV9.api.async(connection, CONSUMER, READ_COMMITTED, topics)
  const response = await withErrorsInIt(client.awaited(nodeId, asked))
  client.answered()
  return located.map(({ topic, partition }): Outcome<FoundOffset> => {
    const found = response.topics
      .find(({ name }) => name === topic.name)
      ?.partitions.find(({ partitionIndex }) => partitionIndex === partition)
    if (found === undefined || found.errorCode !== 0) return { kafkaCode: found?.errorCode ?? -1 }
    const offset = Number(found.offset)
    return { answer: { offset: offset < 0 ? null : offset, timestamp: Number(found.timestamp) } }
  })
}

/** Below 0 Kafka's times mean other things; no record is older than 0. */
function timestampOf(at: OffsetSpec): bigint {
  if (at === 'earliest') return EARLIEST
  return at === 'latest' ? LATEST : BigInt(Math.max(0, at))
}

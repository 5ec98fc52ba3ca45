import { describeLogDirsV4 } from '@platformatic/kafka'
import { BrokerError } from '../broker/broker-error.ts'
import type { LogDirDescription } from '../broker/log-dir-description.ts'
import type { ClusterClient } from './cluster-client.ts'
import { kafkaErrorName, refusal, withErrorsInIt } from './kafka-errors.ts'

type NodeLogDir = describeLogDirsV4.DescribeLogDirsResponseResult

/** Of every node, each path behind its node's number: `2:/var/lib/kafka`. */
export async function describeClusterLogDirs(client: ClusterClient): Promise<LogDirDescription[]> {
  const nodes = [...client.metadata.nodes.keys()]
  const described = await Promise.all(
    nodes.map(async (nodeId) => {
      try {
        return (await nodeLogDirs(client, nodeId)).map((logDir) => description(nodeId, logDir))
      } catch (error) {
        if (!(error instanceof BrokerError) || !error.retriable) throw error
        return [unknown(nodeId, error.message)]
      }
    }),
  )
  return described.flat()
}

/** A node that does not answer does not hide what the others say. */
function unknown(nodeId: number, why: string): LogDirDescription {
  const reason = `Its node does not say: ${why}`
  return { path: `${nodeId}:`, state: 'offline', reason, totalBytes: 0, freeBytes: 0, partitionCount: 0, sizeBytes: 0 }
}

async function nodeLogDirs(client: ClusterClient, nodeId: number): Promise<readonly NodeLogDir[]> {
  const doing = `to say what lies on the disks of node ${nodeId}`
  const answer = await client.toNode(nodeId, (to) => withErrorsInIt(describeLogDirsV4.api.async(to, null)), { doing })
  if (answer.errorCode !== 0) throw refusal(answer.errorCode, doing)
  return answer.results
}

function description(
  nodeId: number,
  { errorCode, logDir, topics, totalBytes, usableBytes }: NodeLogDir,
): LogDirDescription {
  const partitions = topics.flatMap((topic) => topic.partitions)
  return {
    path: `${nodeId}:${logDir}`,
    ...(errorCode === 0
      ? { state: 'online' as const }
      : { state: 'offline' as const, reason: `Its node says ${kafkaErrorName(errorCode)}.` }),
    totalBytes: Number(totalBytes),
    freeBytes: Number(usableBytes),
    partitionCount: partitions.length,
    sizeBytes: partitions.reduce((sum, { partitionSize }) => sum + Number(partitionSize), 0),
  }
}

/** Where a node keeps the partitions that it leads, and how large they are there; by topic's partition. */
export async function partitionFiles(
  client: ClusterClient,
  nodeId: number,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, { readonly logDir: string; readonly sizeBytes: number }>> {
  const doing = `to say how large the topic "${topic}" is`
  const asked = [{ name: topic, partitions: [...partitions] }]
  const { results } = await client.toNode(nodeId, (to) => withErrorsInIt(describeLogDirsV4.api.async(to, asked)), {
    doing,
  })
  const files = new Map<number, { readonly logDir: string; readonly sizeBytes: number }>()
  for (const { logDir, topics } of results) {
    for (const found of topics) {
      if (found.name !== topic) continue
      for (const { partitionIndex, partitionSize, isFutureKey } of found.partitions) {
        if (!isFutureKey) files.set(partitionIndex, { logDir, sizeBytes: Number(partitionSize) })
      }
    }
  }
  return files
}

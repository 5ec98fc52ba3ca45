import { describeLogDirsV4 } from '@platformatic/kafka'
import type { LogDirDescription } from '../broker/log-dir-description.ts'
import type { ClusterClient } from './cluster-client.ts'
import type { ClusterNode } from './cluster-metadata.ts'
import { asBrokerError, kafkaErrorName, refusal, withErrorsInIt } from './kafka-errors.ts'
import { withinMs } from './time-limits.ts'

type NodeLogDir = describeLogDirsV4.DescribeLogDirsResponseResult

/** How long a description waits for each node. */
const NODE_LIMIT_MS = 3000

/** The log directories of every node, each path behind its node's number: `2:/var/lib/kafka`. */
export class ClusterLogDirs {
  readonly #client: ClusterClient
  /** Paths by node, as it told them last: what is to be said of one that does not answer. */
  readonly #told = new Map<number, readonly string[]>()

  constructor(client: ClusterClient) {
    this.#client = client
  }

  /** A node that does not answer does not hide what the others say. */
  async describe(): Promise<LogDirDescription[]> {
    const described = await Promise.all([...this.#client.metadata.nodes.values()].map((node) => this.#ofNode(node)))
    return described.flat()
  }

  async #ofNode({ nodeId, host, port }: ClusterNode): Promise<LogDirDescription[]> {
    try {
      const told = await withinMs(nodeLogDirs(this.#client, nodeId), NODE_LIMIT_MS, this.#client.options.clock)
      this.#told.set(
        nodeId,
        told.map(({ logDir }) => logDir),
      )
      return told.map((logDir) => description(nodeId, logDir))
    } catch (error) {
      const why = asBrokerError(error, `to say what lies on the disks of node ${nodeId}`)
      if (!why.retriable) throw why
      const reason = `Node ${nodeId} (${host}:${port}) does not answer: ${why.message}`
      return (this.#told.get(nodeId) ?? ['unknown']).map((path) => unseen(`${nodeId}:${path}`, reason))
    }
  }
}

function unseen(path: string, reason: string): LogDirDescription {
  return { path, state: 'offline', reason, totalBytes: 0, freeBytes: 0, partitionCount: 0, sizeBytes: 0 }
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

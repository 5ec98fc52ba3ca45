import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { repositoryRoot } from '../tidy/source-files.ts'
import { freePorts } from './free-ports.ts'
import { KafkaNode, type KafkaNodePorts } from './kafka-node.ts'
import { cleanUpBehind, tempDirectory } from './temp-directory.ts'

export interface KafkaClusterOptions {
  /** One, or three with three replicas of everything, of which two must be in sync. */
  readonly nodeCount: 1 | 3
  /** Kafka's own, `name=value`, for each node. */
  readonly settings?: readonly string[]
  readonly javaFlags?: readonly string[]
}

/**
 * Few partitions of what Kafka keeps for itself: it makes them when they are first asked for, one by one. And no retention
 * by time: it begins thirty seconds after a start, and tests' records are from 1970.
 */
const small = [
  'offsets.topic.num.partitions=4',
  'transaction.state.log.num.partitions=4',
  'log.initial.task.delay.ms=3600000',
]

/** Processes of Apache Kafka itself on free ports of this machine. */
export class KafkaCluster {
  readonly nodes: readonly KafkaNode[]

  private constructor(nodes: readonly KafkaNode[]) {
    this.nodes = nodes
  }

  static async start(
    folder: string,
    { nodeCount, settings = [], ...rest }: KafkaClusterOptions,
  ): Promise<KafkaCluster> {
    const free = await freePorts(nodeCount * 2)
    const ports: KafkaNodePorts[] = Array.from({ length: nodeCount }, (_, index) => ({
      broker: free[index * 2] ?? 0,
      controller: free[index * 2 + 1] ?? 0,
    }))
    const nodes = await Promise.all(
      ports.map((_, index) =>
        KafkaNode.format({
          ...rest,
          folder: join(folder, `node-${index + 1}`),
          nodeId: index + 1,
          ports,
          settings: [...small, ...settings],
        }),
      ),
    )
    const cluster = new KafkaCluster(nodes)
    await Promise.all(nodes.map((node) => node.start())).catch(async (error: unknown) => {
      await cluster.stop()
      throw error
    })
    return cluster
  }

  /** As `bootstrap.servers` takes them. */
  get bootstrapServers(): string {
    return this.nodes.map(({ address }) => address).join(',')
  }

  node(nodeId: number): KafkaNode {
    const node = this.nodes.find((one) => one.nodeId === nodeId)
    if (node === undefined) throw new Error(`there is no node ${nodeId}`)
    return node
  }

  async stop(): Promise<void> {
    // Side by side: alone, the last of three would wait for the majority that it needs to resign.
    await Promise.all(
      this.nodes.map((node) => {
        node.resume()
        return this.nodes.length === 1 ? node.stop() : node.kill9()
      }),
    )
  }

  /** Copies what the nodes said to `.cache/kafka-logs/`; returns the folder. */
  keepLogs(name: string): string {
    const folder = join(repositoryRoot, '.cache/kafka-logs', name.replaceAll(/[^a-z0-9]+/gi, '-'))
    mkdirSync(folder, { recursive: true })
    for (const { logFile, nodeId } of this.nodes) {
      if (existsSync(logFile)) copyFileSync(logFile, join(folder, `node-${nodeId}.log`))
    }
    return folder
  }
}

/** One with data of its own; it ends behind the test, and its logs are kept if that failed. */
export async function startKafkaCluster(t: TestContext, options: KafkaClusterOptions): Promise<KafkaCluster> {
  const cluster = await KafkaCluster.start(tempDirectory(t), options)
  cleanUpBehind(t, () => cluster.stop())
  keepLogsOfFailure(t, cluster)
  return cluster
}

export function keepLogsOfFailure(t: TestContext, cluster: KafkaCluster): void {
  cleanUpBehind(t, () => {
    const passed = 'passed' in t && t.passed === true
    if (!passed) t.diagnostic(`Kafka's logs: ${cluster.keepLogs(t.fullName)}`)
  })
}

import { resolve, sep } from 'node:path'
import { resolveTopicConfig } from '../broker/topic-config-definitions.ts'
import { jaasCredentials } from './jaas-credentials.ts'
import type { ServerConfig } from './server-config.ts'

/** What no single value shows: one sentence for each rule between settings that is broken. */
export function relationProblems(config: ServerConfig): string[] {
  const topic = resolveTopicConfig(config.brokerTopicDefaults, new Map())
  const notAbove: NotAbove[] = [
    ['page.default.records', config.pageDefaultRecords, 'page.max.records', config.pageMaxRecords],
    ['page.default.bytes', config.pageDefaultBytes, 'page.max.bytes', config.pageMaxBytes],
    ['num.partitions', config.numPartitions, 'topic.partitions.max', config.topicPartitionsMax],
    [
      'offsets.topic.num.partitions',
      config.offsetsTopicNumPartitions,
      'topic.partitions.max',
      config.topicPartitionsMax,
    ],
    ['topic.partitions.max', config.topicPartitionsMax, 'partitions.max', config.partitionsMax],
    ['request.max.bytes', config.requestMaxBytes, 'produce.inflight.max.bytes', config.produceInflightMaxBytes],
    ['request.max.bytes', config.requestMaxBytes, 'request.inflight.max.bytes', config.requestInflightMaxBytes],
    [
      'journal.direct.min.bytes',
      config.journalDirectMinBytes,
      'a quarter of journal.file.bytes',
      config.journalFileBytes / 4,
    ],
    [
      'log.cleaner.min.compaction.lag.ms',
      topic.minCompactionLagMs,
      'log.cleaner.max.compaction.lag.ms',
      topic.maxCompactionLagMs,
    ],
    ...groupRelations(config),
  ]
  const problems = notAbove
    .filter(([, lower, , upper]) => lower > upper)
    .map(([name, lower, otherName, upper]) => `${name} is ${lower}: it must not be above ${otherName}, ${upper}`)
  if (config.groupConsumerAssignors.length === 0) problems.push('group.consumer.assignors: name at least one')
  const { groupConsumerHeartbeatIntervalMs: heartbeat, groupConsumerSessionTimeoutMs: session } = config
  if (heartbeat === session) {
    problems.push(`group.consumer.heartbeat.interval.ms is ${heartbeat}: it must be below the session timeout`)
  }
  return [...problems, ...(config.engine === 'kafka' ? clusterProblems(config) : diskProblems(config))]
}

type NotAbove = readonly [name: string, value: number, otherName: string, otherValue: number]

function groupRelations(config: ServerConfig): NotAbove[] {
  const session = ['group.consumer.session.timeout.ms', config.groupConsumerSessionTimeoutMs] as const
  const heartbeat = ['group.consumer.heartbeat.interval.ms', config.groupConsumerHeartbeatIntervalMs] as const
  return [
    ['group.consumer.min.session.timeout.ms', config.groupConsumerMinSessionTimeoutMs, ...session],
    [...session, 'group.consumer.max.session.timeout.ms', config.groupConsumerMaxSessionTimeoutMs],
    ['group.consumer.min.heartbeat.interval.ms', config.groupConsumerMinHeartbeatIntervalMs, ...heartbeat],
    [...heartbeat, 'group.consumer.max.heartbeat.interval.ms', config.groupConsumerMaxHeartbeatIntervalMs],
    [...heartbeat, ...session],
  ]
}

function clusterProblems(config: ServerConfig): string[] {
  const problems: string[] = []
  if (config.bootstrapServers.length === 0) {
    problems.push('engine=kafka: set bootstrap.servers to nodes of the cluster, such as kafka-1:9092,kafka-2:9092')
  }
  if (!config.securityProtocol.startsWith('SASL_')) return problems
  const told = `security.protocol is ${config.securityProtocol}`
  const { saslJaasConfig, saslUsername, saslPassword } = config
  if (saslJaasConfig !== undefined && jaasCredentials(saslJaasConfig) === undefined) {
    problems.push('sasl.jaas.config: it must have username="…" and password="…"')
  } else if (saslJaasConfig === undefined && (saslUsername === undefined || saslPassword === undefined)) {
    problems.push(`${told}: set sasl.jaas.config, or sasl.username and sasl.password`)
  }
  return problems
}

function diskProblems({ defaultReplicationFactor: replicas, logDirs }: ServerConfig): string[] {
  const problems = nestedDirectories(logDirs)
  if (replicas === 1 || replicas === -1) return problems
  const told = 'must be 1 (this server keeps one replica of each partition)'
  return [`default.replication.factor is ${replicas}: ${told}; engine=kafka keeps more`, ...problems]
}

/** A log directory inside another would be taken for one of its partitions. */
function nestedDirectories(logDirs: readonly string[]): string[] {
  const paths = logDirs.map((path) => ({ path, absolute: resolve(path) }))
  return paths.flatMap((outer, index) =>
    paths
      .filter(({ absolute }, other) =>
        absolute === outer.absolute
          ? other > index
          : absolute.startsWith(outer.absolute + (outer.absolute === sep ? '' : sep)),
      )
      .map(({ path }) => `log.dirs: ${path} must not be the same as or lie within ${outer.path}`),
  )
}

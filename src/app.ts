import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { systemClock, type Clock } from './broker/clock.ts'
import { ClusterService } from './broker/cluster-service.ts'
import { CursorCodec } from './broker/cursor.ts'
import type { Engine } from './broker/engine.ts'
import { GroupFetchService } from './broker/group-fetch-service.ts'
import { GroupService } from './broker/group-service.ts'
import { OffsetService } from './broker/offset-service.ts'
import { PageReader } from './broker/page-reader.ts'
import { PublishService } from './broker/publish-service.ts'
import { ReadService } from './broker/read-service.ts'
import { resolveTopicConfig } from './broker/topic-config-definitions.ts'
import { TopicAutoCreation } from './broker/topic-auto-creation.ts'
import { TopicPages } from './broker/topic-pages.ts'
import { TopicService } from './broker/topic-service.ts'
import { TopicSettings } from './broker/topic-settings.ts'
import type { Listener } from './config/listeners.ts'
import type { ServerConfig } from './config/server-config.ts'
import type { EmbeddedEngineOptions } from './embedded/embedded-engine-options.ts'
import { EmbeddedEngine } from './embedded/embedded-engine.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import type { App, Controller } from './http/controller.ts'
import { ClusterController } from './http/controllers/cluster-controller.ts'
import { ConsumerGroupsController } from './http/controllers/consumer-groups-controller.ts'
import { HealthController } from './http/controllers/health-controller.ts'
import { PartitionsController } from './http/controllers/partitions-controller.ts'
import { RecordsController } from './http/controllers/records-controller.ts'
import { TopicsController } from './http/controllers/topics-controller.ts'
import type { HttpOptions } from './http/server-dependencies.ts'
import { buildServer } from './http/server.ts'
import { Metrics } from './observability/metrics.ts'

/** A server that answers. */
export interface PosthornServer {
  /** One for each listener. */
  readonly urls: readonly string[]
  /** Ends waiting reads, finishes what is under way, makes everything durable. */
  close(): Promise<void>
}

/**
 * The composition root: every part of the program is made here and handed what it needs. Resolves when requests are
 * answered; rejects with StartupError where the operator has to do something.
 */
export async function startPosthorn(config: ServerConfig, logger: FastifyBaseLogger): Promise<PosthornServer> {
  const clock = systemClock
  const stopping = new AbortController()
  const metrics: Metrics = new Metrics(() => engine.statistics())
  const bound: Listener[] = []
  const engine: Engine = await EmbeddedEngine.open({
    ...engineOptions(config, clock),
    logger,
    commitObserver: metrics,
    advertisedListener: () => bound[0] ?? { host: '', port: -1 },
  })
  const controllers = await wireControllers(config, engine, clock, metrics, stopping.signal)
  const options = httpOptions(config)
  const servers = config.listeners.map(() =>
    buildServer({ controllers, logger, clock, options, stopping: stopping.signal }),
  )
  const close = async (): Promise<void> => {
    stopping.abort()
    await Promise.all(servers.map((server) => server.close()))
    await engine.close()
    metrics.close()
  }
  try {
    const urls = await Promise.all(servers.map((server, index) => listen(server, config.listeners[index], bound)))
    return { urls, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Broker services and the controllers in front of them. */
async function wireControllers(
  config: ServerConfig,
  engine: Engine,
  clock: Clock,
  metrics: Metrics,
  stopping: AbortSignal,
): Promise<Controller[]> {
  const { clusterId } = await engine.cluster()
  const cursors = new CursorCodec({ engine: config.engine, clusterId })
  const settings = new TopicSettings(config.brokerTopicDefaults)
  const topics = new TopicService(engine, cursors, {
    numPartitions: config.numPartitions,
    deleteTopicEnable: config.deleteTopicEnable,
    maxPartitionsPerTopic: config.topicPartitionsMax,
    brokerDefaults: config.brokerTopicDefaults,
  })
  const autoCreation = new TopicAutoCreation(engine.topics, {
    enabled: config.autoCreateTopicsEnable,
    numPartitions: config.numPartitions,
  })
  const publish = new PublishService({
    engine,
    topics: autoCreation,
    topicConfigOf: settings.configOf,
    clock,
    random: Math.random,
  })
  const offsets = new OffsetService(engine, cursors, clock)
  const pages = new PageReader(engine, clock)
  const topicPages = new TopicPages(engine, pages, cursors)
  const reads = new ReadService({ engine, clock, pages, topicPages, offsets })
  const groups = new GroupService({
    engine,
    clock,
    cursors,
    offsets,
    offsetMetadataBytesMax: config.offsetMetadataMaxBytes,
  })
  const groupFetch = new GroupFetchService({ engine, clock, cursors, topicPages, offsets })
  const cluster = new ClusterService(engine, cursors)
  const limits = { requestMaxRecords: config.requestMaxRecords, recordMaxHeaders: config.recordMaxHeaders }
  return [
    new TopicsController(topics),
    new PartitionsController(topics, offsets),
    new RecordsController({ publish, reads, limits, stopping }),
    new ConsumerGroupsController({ groups, fetch: groupFetch, stopping }),
    new ClusterController(cluster),
    new HealthController(cluster, () => metrics.render()),
  ]
}

type EngineOptions = Omit<EmbeddedEngineOptions, 'logger' | 'commitObserver' | 'advertisedListener'>

function engineOptions(config: ServerConfig, clock: Clock): EngineOptions {
  return {
    logDirs: config.logDirs.map((directory) => resolve(directory)),
    nodeId: config.nodeId,
    ...(config.brokerRack !== undefined && { rack: config.brokerRack }),
    resolveTopicConfig: (overrides) => resolveTopicConfig(config.brokerTopicDefaults, overrides),
    limits: {
      partitionsPerTopicMax: config.topicPartitionsMax,
      partitionsMax: config.partitionsMax,
      produceInflightBytesMax: config.produceInflightMaxBytes,
      waitingReadsMax: config.fetchWaitingMax,
      openFilesMax: config.logOpenFilesMax,
    },
    journal: {
      fileBytes: config.journalFileBytes,
      directMinBytes: config.journalDirectMinBytes,
      pendingMaxBytes: config.journalPendingMaxBytes,
      checkpointDirectBytes: config.journalCheckpointDirectBytes,
    },
    space: { freeMinBytes: config.logDirFreeMinBytes, reserveBytes: config.logDirReserveBytes },
    groups: {
      offsetsTopicPartitions: config.offsetsTopicNumPartitions,
      offsetsTopicSegmentBytes: config.offsetsTopicSegmentBytes,
      offsetMetadataBytesMax: config.offsetMetadataMaxBytes,
    },
    recoveryThreadsPerDataDir: config.numRecoveryThreadsPerDataDir,
    fileSystem: nodeFileSystem,
    clock,
    random: randomBytes,
  }
}

function httpOptions(config: ServerConfig): HttpOptions {
  return {
    requestMaxBytes: config.requestMaxBytes,
    requestIdleTimeoutMs: config.requestIdleTimeoutMs,
    requestTimeoutMs: config.requestBodyTimeoutMs,
    headersTimeoutMs: config.requestHeadersTimeoutMs,
    allowedHosts: config.allowedHosts,
    corsAllowedOrigins: config.corsAllowedOrigins,
  }
}

/** Returns the URL, with the port that was given by the system where 0 was asked for. */
async function listen(server: App, listener: Listener | undefined, bound: Listener[]): Promise<string> {
  const { host, port } = listener ?? { host: '127.0.0.1', port: 0 }
  const url = await server.listen({ host, port })
  bound.push({ host, port: Number(new URL(url).port) })
  return url
}

import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createBrokerServices } from './broker/broker-services.ts'
import { systemClock, type Clock } from './broker/clock.ts'
import type { Engine } from './broker/engine.ts'
import type { Logger } from './broker/logger.ts'
import type { CommitObserver } from './broker/engine-statistics.ts'
import { resolveTopicConfig } from './broker/topic-config-definitions.ts'
import type { Listener } from './config/listeners.ts'
import type { ServerConfig } from './config/server-config.ts'
import type { EmbeddedEngineOptions } from './embedded/embedded-engine-options.ts'
import { EmbeddedEngine } from './embedded/embedded-engine.ts'
import { nodeFileSystem } from './embedded/node-file-system.ts'
import { StartupError } from './broker/startup-error.ts'
import { errorCode } from './embedded/startup-error.ts'
import { limitSyncs } from './embedded/sync-limits.ts'
import type { App } from './http/controller.ts'
import type { HttpOptions, ServerDependencies } from './http/server-dependencies.ts'

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
export async function startPosthorn(
  config: ServerConfig,
  logger: ServerDependencies['logger'],
): Promise<PosthornServer> {
  const clock = systemClock
  const stopping = new AbortController()
  const bound: Listener[] = []
  let observer: CommitObserver | undefined
  const opening =
    config.engine === 'kafka'
      ? openKafkaEngine(config, clock, logger)
      : EmbeddedEngine.open({
          ...engineOptions(config, clock),
          logger,
          commitObserver: { committed: (...facts) => observer?.committed(...facts) },
          advertisedListener: () => bound[0] ?? { host: '', port: -1 },
        })
  const [engine, parts] = await Promise.all([opening, loadHttpParts()])
  const { apiControllers, BodyBuffers, buildServer, HttpLoad, Metrics } = parts
  const load = new HttpLoad(config, clock, logger)
  const metrics = new Metrics(
    () => engine.statistics(),
    () => load.statistics(),
  )
  observer = metrics
  const { clusterId } = await engine.cluster()
  const services = createBrokerServices({ engine, kind: config.engine, clusterId, clock, random: Math.random }, config)
  const bodyBuffers = new BodyBuffers()
  const controllers = apiControllers({
    ...services,
    bodyBuffers,
    load,
    clock,
    metrics: () => metrics.render(),
    limits: config,
    stopping: stopping.signal,
  })
  const options = httpOptions(config)
  const servers = config.listeners.map(() =>
    buildServer({
      controllers,
      bodyBuffers,
      load,
      logger,
      clock,
      options,
      stopping: stopping.signal,
      observeOperation: (operation) => metrics.operation(operation),
    }),
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

/** Its client library is loaded only where there is a cluster. */
async function openKafkaEngine(config: ServerConfig, clock: Clock, logger: Logger): Promise<Engine> {
  const { kafkaEngineOptions } = await import('./kafka-engine-options.ts')
  const { KafkaEngine } = await import('./kafka/kafka-engine.ts')
  return KafkaEngine.open(kafkaEngineOptions(config, clock, logger))
}

/**
 * Most of the program, loaded while the engine's threads get ready and the disk works; turns of the event loop in between
 * let the engine go on.
 */
async function loadHttpParts() {
  await nextTurn()
  const { Metrics } = await import('./observability/metrics.ts')
  await nextTurn()
  const { buildServer } = await import('./http/server.ts')
  await nextTurn()
  const { apiControllers } = await import('./http/api-controllers.ts')
  const { BodyBuffers } = await import('./http/body-buffers.ts')
  const { HttpLoad } = await import('./http/http-load.ts')
  return { apiControllers, BodyBuffers, buildServer, HttpLoad, Metrics }
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
      admissionWaitMs: config.requestAdmissionWaitMs,
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
      members: {
        sessionTimeoutMs: config.groupConsumerSessionTimeoutMs,
        heartbeatIntervalMs: config.groupConsumerHeartbeatIntervalMs,
        maxSize: config.groupConsumerMaxSize,
        assignors: config.groupConsumerAssignors,
      },
    },
    producers: {
      maxBytes: config.producerStateMaxBytes,
      producerExpirationMs: config.producerIdExpirationMs,
      expirationCheckIntervalMs: config.producerIdExpirationCheckIntervalMs,
      keyRetentionMs: config.idempotencyKeyRetentionMs,
    },
    retentionCheckIntervalMs: config.logRetentionCheckIntervalMs,
    offsetsRetention: {
      retentionMs: config.offsetsRetentionMinutes * 60_000,
      checkIntervalMs: config.offsetsRetentionCheckIntervalMs,
    },
    cleaning: {
      enabled: config.logCleanerEnable,
      threads: config.logCleanerThreads,
      backoffMs: config.logCleanerBackoffMs,
      dedupeBufferBytes: config.logCleanerDedupeBufferSize,
      loadFactor: config.logCleanerIoBufferLoadFactor,
      ioBufferBytes: config.logCleanerIoBufferSize,
      ioBytesPerSecondMax: config.logCleanerIoMaxBytesPerSecond,
    },
    clockJumps: { maxMs: config.clockJumpMaxMs, accepted: config.clockJumpAccept },
    catalogueRebuildAccepted: config.catalogueRebuildAccept,
    scrub: { bytesPerSecond: config.logScrubBytesPerSecond, intervalMs: config.logScrubIntervalMs },
    recoveryThreadsPerDataDir: config.numRecoveryThreadsPerDataDir,
    fileSystem: limitSyncs(nodeFileSystem),
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
    maxConnections: config.maxConnections,
    connectionsMaxIdleMs: config.connectionsMaxIdleMs,
    replyTimeoutMs: config.replyTimeoutMs,
    connectionInflightMaxRequests: config.connectionInflightMaxRequests,
    allowedHosts: config.allowedHosts,
    corsAllowedOrigins: config.corsAllowedOrigins,
  }
}

/** Returns the URL, with the port that was given by the system where 0 was asked for. */
async function listen(server: App, listener: Listener | undefined, bound: Listener[]): Promise<string> {
  const { host, port } = listener ?? { host: '127.0.0.1', port: 0 }
  const url = await server.listen({ host, port }).catch((error: unknown) => {
    throw listenFailure(host, port, error)
  })
  bound.push({ host, port: Number(new URL(url).port) })
  return url
}

function listenFailure(host: string, port: number, error: unknown): unknown {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; stop it, or choose another port with --port',
    EACCES: 'this user may not open that port; choose one above 1023 with --port',
    EADDRNOTAVAIL: 'this machine has no such address; set listeners to one that it has',
    ENOTFOUND: 'that name has no address; set listeners to one of this machine',
  }
  const reason = reasons[errorCode(error) ?? '']
  return reason === undefined ? error : new StartupError(`cannot listen on ${host}:${port}: ${reason}`)
}

import { setImmediate as nextTurn } from 'node:timers/promises'
import { createBrokerServices } from './broker/broker-services.ts'
import { systemClock, type Clock } from './broker/clock.ts'
import type { Engine } from './broker/engine.ts'
import type { Logger } from './broker/logger.ts'
import type { CommitObserver } from './broker/engine-statistics.ts'
import type { Listener } from './config/listeners.ts'
import type { ServerConfig } from './config/server-config.ts'
import { EmbeddedEngine } from './embedded/embedded-engine.ts'
import { StartupError } from './broker/startup-error.ts'
import { embeddedEngineOptions } from './embedded-engine-options.ts'
import { errorCode } from './embedded/startup-error.ts'
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
          ...embeddedEngineOptions(config, clock, logger),
          commitObserver: { committed: (...facts) => observer?.committed(...facts) },
          advertisedListener: () => bound[0] ?? { host: '', port: -1 },
        })
  const [engine, parts] = await Promise.all([opening, loadHttpParts()])
  const load = new parts.HttpLoad(config, clock, logger)
  const metrics = new parts.Metrics(
    () => engine.statistics(),
    () => load.statistics(),
  )
  observer = metrics
  const servers = await makeServers({ config, logger, clock, engine, parts, load, metrics, stopping: stopping.signal })
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

interface ServerParts {
  readonly config: ServerConfig
  readonly logger: ServerDependencies['logger']
  readonly clock: Clock
  readonly engine: Engine
  readonly parts: HttpParts
  readonly load: ServerDependencies['load']
  readonly metrics: InstanceType<HttpParts['Metrics']>
  readonly stopping: AbortSignal
}

/** One for each listener, with the same controllers: what bounds memory, bounds that of all. */
async function makeServers({ parts, engine, metrics, ...given }: ServerParts): Promise<readonly App[]> {
  const { config, logger, clock, load, stopping } = given
  const { clusterId } = await engine.cluster()
  const services = createBrokerServices({ engine, kind: config.engine, clusterId, clock, random: Math.random }, config)
  const bodyBuffers = new parts.BodyBuffers()
  const controllers = parts.apiControllers({
    ...services,
    bodyBuffers,
    load,
    clock,
    metrics: () => metrics.render(),
    limits: config,
    stopping,
  })
  const options = httpOptions(config)
  const observeOperation: ServerDependencies['observeOperation'] = (operation) => metrics.operation(operation)
  return config.listeners.map(() =>
    parts.buildServer({ controllers, bodyBuffers, load, logger, clock, options, stopping, observeOperation }),
  )
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

type HttpParts = Awaited<ReturnType<typeof loadHttpParts>>

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

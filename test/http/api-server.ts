import type { TestContext } from 'node:test'
import { pino } from 'pino'
import request from 'supertest'
import { createBrokerServices, defaultBrokerSettings, type BrokerSettings } from '../../src/broker/broker-services.ts'
import { apiControllers } from '../../src/http/api-controllers.ts'
import { BodyBuffers } from '../../src/http/body-buffers.ts'
import type { App } from '../../src/http/controller.ts'
import { HttpLoad, type HttpLoadLimits } from '../../src/http/http-load.ts'
import { buildServer } from '../../src/http/server.ts'
import type { RecordLimits } from '../../src/http/controllers/records-controller.ts'
import {
  defaultHttpOptions,
  defaultLoadLimits,
  defaultRecordLimits,
  type HttpOptions,
  type ServerDependencies,
} from '../../src/http/server-dependencies.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryEngine } from '../support/memory-engine.ts'
import { checkReplies } from '../support/openapi-check.ts'

export interface ApiServer {
  readonly app: App
  readonly url: string
  readonly api: ReturnType<typeof request>
  readonly engine: MemoryEngine
  readonly clock: FakeClock
  readonly stop: AbortController
  readonly load: HttpLoad
  /** Lines of the server's log, by default errors only. */
  readonly log: readonly string[]
}

export interface ApiServerOptions
  extends Partial<HttpOptions>, Partial<BrokerSettings>, Partial<RecordLimits>, Partial<HttpLoadLimits> {
  readonly observeOperation?: ServerDependencies['observeOperation']
  /** Of the log that the test can look at. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error'
}

/** A listening server over an engine in memory, whose replies are all checked. Closed after the test. */
export async function startApi(t: TestContext, options: ApiServerOptions = {}): Promise<ApiServer> {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const stop = new AbortController()
  const deps = { engine, kind: 'embedded', clusterId: 'memory-cluster', clock, random: () => 0.5 } as const
  // An unexpected error, a reply outside the document among them, shows in the test's output.
  const log: string[] = []
  const write = (line: string): void => {
    log.push(line)
    t.diagnostic(line)
  }
  const logger = pino({ level: options.logLevel ?? 'error' }, { write })
  const bodyBuffers = new BodyBuffers()
  const load = new HttpLoad({ ...defaultLoadLimits, ...options }, clock, logger)
  const controllers = apiControllers({
    bodyBuffers,
    load,
    clock,
    ...createBrokerServices(deps, { ...defaultBrokerSettings, ...options }),
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    limits: { ...defaultRecordLimits, ...options },
    stopping: stop.signal,
  })
  const app = buildServer({
    controllers,
    bodyBuffers,
    load,
    logger,
    clock,
    options: { ...defaultHttpOptions, ...options },
    stopping: stop.signal,
    ...(options.observeOperation !== undefined && { observeOperation: options.observeOperation }),
  })
  checkReplies(app)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    stop.abort()
    await app.close()
  })
  return { app, url, api: request(url), engine, clock, stop, load, log }
}

import type { TestContext } from 'node:test'
import { pino } from 'pino'
import request from 'supertest'
import { ClusterService } from '../../src/broker/cluster-service.ts'
import { CursorCodec } from '../../src/broker/cursor.ts'
import { GroupFetchService } from '../../src/broker/group-fetch-service.ts'
import { GroupService } from '../../src/broker/group-service.ts'
import { OffsetService } from '../../src/broker/offset-service.ts'
import { PageReader } from '../../src/broker/page-reader.ts'
import { PublishService } from '../../src/broker/publish-service.ts'
import { ReadService } from '../../src/broker/read-service.ts'
import { TopicAutoCreation } from '../../src/broker/topic-auto-creation.ts'
import { TopicPages } from '../../src/broker/topic-pages.ts'
import { TopicService } from '../../src/broker/topic-service.ts'
import { TopicSettings } from '../../src/broker/topic-settings.ts'
import { apiControllers } from '../../src/http/api-controllers.ts'
import type { App } from '../../src/http/controller.ts'
import { buildServer } from '../../src/http/server.ts'
import { defaultHttpOptions, type HttpOptions } from '../../src/http/server-dependencies.ts'
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
  /** Lines of the server's log, errors only. */
  readonly log: readonly string[]
}

export interface ApiServerOptions extends Partial<HttpOptions> {
  readonly deleteTopicEnable?: boolean
  readonly autoCreateTopics?: boolean
  readonly requestMaxRecords?: number
}

/** A listening server over an engine in memory, whose replies are all checked. Closed after the test. */
export async function startApi(t: TestContext, options: ApiServerOptions = {}): Promise<ApiServer> {
  const clock = new FakeClock()
  const engine = new MemoryEngine(clock)
  const stop = new AbortController()
  const cursors = new CursorCodec({ engine: 'embedded', clusterId: 'memory-cluster' })
  const pages = new PageReader(engine, clock)
  const topicPages = new TopicPages(engine, pages, cursors)
  const offsets = new OffsetService(engine, cursors, clock)
  const controllers = apiControllers({
    topics: new TopicService(engine, cursors, {
      numPartitions: 1,
      deleteTopicEnable: options.deleteTopicEnable ?? true,
      maxPartitionsPerTopic: 1000,
      brokerDefaults: new Map(),
    }),
    offsets,
    publish: new PublishService({
      engine,
      topics: new TopicAutoCreation(engine, { enabled: options.autoCreateTopics ?? true, numPartitions: 1 }),
      topicConfigOf: new TopicSettings(new Map()).configOf,
      clock,
      random: () => 0.5,
    }),
    reads: new ReadService({ engine, clock, pages, topicPages, offsets }),
    groups: new GroupService({ engine, clock, cursors, offsets, offsetMetadataBytesMax: 4096 }),
    groupFetch: new GroupFetchService({ engine, clock, cursors, topicPages, offsets }),
    cluster: new ClusterService(engine, cursors),
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    limits: { requestMaxRecords: options.requestMaxRecords ?? 100_000, recordMaxHeaders: 100 },
    stopping: stop.signal,
  })
  // An unexpected error, a reply outside the document among them, shows in the test's output.
  const log: string[] = []
  const write = (line: string): void => {
    log.push(line)
    t.diagnostic(line)
  }
  const logger = pino({ level: 'error' }, { write })
  const app = buildServer({
    controllers,
    logger,
    clock,
    options: { ...defaultHttpOptions, ...options },
    stopping: stop.signal,
  })
  checkReplies(app)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    stop.abort()
    await app.close()
  })
  return { app, url, api: request(url), engine, clock, stop, log }
}

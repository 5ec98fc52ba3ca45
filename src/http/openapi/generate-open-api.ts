import type { FastifyBaseLogger } from 'fastify'
import { systemClock } from '../../broker/clock.ts'
import { ClusterService } from '../../broker/cluster-service.ts'
import { CursorCodec } from '../../broker/cursor.ts'
import type { Engine } from '../../broker/engine.ts'
import { GroupFetchService } from '../../broker/group-fetch-service.ts'
import { GroupService } from '../../broker/group-service.ts'
import { OffsetService } from '../../broker/offset-service.ts'
import { PageReader } from '../../broker/page-reader.ts'
import { PublishService } from '../../broker/publish-service.ts'
import { ReadService } from '../../broker/read-service.ts'
import { TopicAutoCreation } from '../../broker/topic-auto-creation.ts'
import { TopicPages } from '../../broker/topic-pages.ts'
import { TopicService } from '../../broker/topic-service.ts'
import { TopicSettings } from '../../broker/topic-settings.ts'
import { apiControllers, type ApiServices } from '../api-controllers.ts'
import { buildServer } from '../server.ts'
import { defaultHttpOptions } from '../server-dependencies.ts'

/** The OpenAPI document of the API. Nothing is served: what stands behind the controllers is never called. */
export async function generateOpenApi(): Promise<object> {
  const stopping = new AbortController().signal
  const app = buildServer({
    controllers: apiControllers({ ...servicesOf(absentEngine), stopping }),
    logger: noLogger,
    clock: systemClock,
    options: defaultHttpOptions,
    stopping,
  })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}

function servicesOf(engine: Engine): Omit<ApiServices, 'stopping'> {
  const clock = systemClock
  const cursors = new CursorCodec({ engine: 'embedded', clusterId: '' })
  const offsets = new OffsetService(engine, cursors, clock)
  const pages = new PageReader(engine, clock)
  const topicPages = new TopicPages(engine, pages, cursors)
  return {
    topics: new TopicService(engine, cursors, {
      numPartitions: 1,
      deleteTopicEnable: true,
      maxPartitionsPerTopic: 1,
      brokerDefaults: new Map(),
    }),
    offsets,
    publish: new PublishService({
      engine,
      topics: new TopicAutoCreation(engine.topics, { enabled: false, numPartitions: 1 }),
      topicConfigOf: new TopicSettings(new Map()).configOf,
      clock,
      random: () => 0,
    }),
    reads: new ReadService({ engine, clock, pages, topicPages, offsets }),
    groups: new GroupService({ engine, clock, cursors, offsets, offsetMetadataBytesMax: 1 }),
    groupFetch: new GroupFetchService({ engine, clock, cursors, topicPages, offsets }),
    cluster: new ClusterService(engine, cursors),
    metrics: absent,
    limits: { requestMaxRecords: 1, recordMaxHeaders: 1 },
  }
}

const absent = (): never => {
  throw new Error('the document is made without an engine')
}

const absentEngine: Engine = {
  topics: {
    create: absent,
    list: absent,
    find: absent,
    partitions: absent,
    alterConfigs: absent,
    addPartitions: absent,
    delete: absent,
  },
  groups: { commit: absent, committed: absent, forget: absent, list: absent, find: absent, delete: absent },
  append: absent,
  read: absent,
  listOffsets: absent,
  cluster: absent,
  logDirs: absent,
  troubles: absent,
  statistics: absent,
  close: absent,
}

const nothing = (): void => {}

const noLogger: FastifyBaseLogger = {
  level: 'silent',
  fatal: nothing,
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  silent: nothing,
  child: () => noLogger,
}

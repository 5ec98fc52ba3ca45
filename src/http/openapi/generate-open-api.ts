import type { FastifyBaseLogger } from 'fastify'
import { createBrokerServices, defaultBrokerSettings } from '../../broker/broker-services.ts'
import { systemClock } from '../../broker/clock.ts'
import type { Engine } from '../../broker/engine.ts'
import { apiControllers } from '../api-controllers.ts'
import { BodyBuffers } from '../body-buffers.ts'
import { HttpLoad } from '../http-load.ts'
import { buildServer } from '../server.ts'
import { defaultHttpOptions, defaultLoadLimits, defaultRecordLimits } from '../server-dependencies.ts'

/** The OpenAPI document of the API. Nothing is served: what stands behind the controllers is never called. */
export async function generateOpenApi(): Promise<object> {
  const stopping = new AbortController().signal
  const deps = { engine: absentEngine, kind: 'embedded', clusterId: '', clock: systemClock, random: absent } as const
  const services = createBrokerServices(deps, defaultBrokerSettings)
  const bodyBuffers = new BodyBuffers()
  const load = new HttpLoad(defaultLoadLimits, systemClock, noLogger)
  const app = buildServer({
    controllers: apiControllers({
      ...services,
      bodyBuffers,
      load,
      clock: systemClock,
      metrics: absent,
      limits: defaultRecordLimits,
      stopping,
    }),
    bodyBuffers,
    load,
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

const absent = (): never => {
  throw new Error('the document is made without an engine')
}

const absentEngine: Engine = {
  topics: {
    create: absent,
    list: absent,
    find: absent,
    refresh: absent,
    inheritedConfigs: absent,
    partitions: absent,
    alterConfigs: absent,
    addPartitions: absent,
    deleteRecords: absent,
    delete: absent,
  },
  groups: { commit: absent, committed: absent, forget: absent, list: absent, find: absent, delete: absent },
  membership: {
    join: absent,
    heartbeat: absent,
    leave: absent,
    commit: absent,
    standing: absent,
    onNews: absent,
    holdSession: absent,
    describe: absent,
  },
  producers: { claim: absent, describe: absent },
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

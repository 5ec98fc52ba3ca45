import { burst, rates } from '../measure/interleave.ts'
import { openLoop } from '../measure/open-loop.ts'
import { median, sum } from '../measure/statistics.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { openLoopRow } from './open-loop-row.ts'
import { createTopic, freshDirectory, jsonLoad } from './publishing.ts'

const PARTITIONS = 6
const SHARE_OF_MAXIMUM = 0.3
const CONNECTIONS = 64

export const latencyPart: Part = {
  name: 'latency',
  about: 'how long a publish takes at 30 % of the measured maximum, open loop',
  async *run(context) {
    for (const recordsPerRequest of context.options.quick ? [1] : [1, 100, 1000])
      yield await publishLatency(recordsPerRequest, context)
  },
}

async function publishLatency(recordsPerRequest: number, context: PartContext): Promise<Row> {
  const { burstSeconds, warmUpSeconds, repeats } = context.options
  context.progress(`${recordsPerRequest} a request: the maximum`)
  const server = await context.servers.posthorn(`latency ${recordsPerRequest}`, freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', PARTITIONS)
  const load = jsonLoad(context, server.url, recordsPerRequest, ['bench'])
  await context.generator.run(load, warmUpSeconds)
  const bursts = [
    await burst({ server, load }, burstSeconds, context),
    await burst({ server, load }, burstSeconds, context),
  ]
  const requestsPerSecond = Math.max(1, Math.round(median(rates(bursts)) * SHARE_OF_MAXIMUM))
  context.progress(`${recordsPerRequest} a request: ${requestsPerSecond} requests/s, open loop`)
  server.loadBegins()
  const result = await openLoop(context.children, {
    origin: server.url,
    path: load.paths[0] ?? '',
    requestsPerSecond,
    warmUpSeconds: 1,
    seconds: burstSeconds * repeats,
    connections: CONNECTIONS,
    publish: { kind: 'files', files: load.bodies?.files ?? [], contentType: load.bodies?.contentType ?? '' },
  })
  const row = openLoopRow(server, result, recordsPerRequest)
  await server.stop()
  const work = `publish ${recordsPerRequest}/request at 30 % of the maximum`
  const errors = sum([result.errors, ...bursts.map((one) => one.errors)])
  return { work, partitions: PARTITIONS, ...row, errors }
}

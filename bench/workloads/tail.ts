import { atMostLatency, judged } from '../goals.ts'
import { openLoop } from '../measure/open-loop.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { openLoopRow } from './open-loop-row.ts'
import { createTopic, freshDirectory } from './publishing.ts'

const REQUESTS_PER_SECOND = 1000
const CONNECTIONS = 64
/** Of 1,000 records/s; of more, no goal is set. */
const goal = atMostLatency(2, 15)

export const tailPart: Part = {
  name: 'tail',
  about: 'from publishing to a consumer that long-polls, at 1,000 and 10,000 records/s, open loop',
  async *run(context) {
    for (const recordsPerRequest of [1, 10]) yield await tailLatency(recordsPerRequest, context)
  },
}

/** The latency of a record: from the moment its request was to be sent until the consumer has it. */
async function tailLatency(recordsPerRequest: number, context: PartContext): Promise<Row> {
  const { burstSeconds, warmUpSeconds, repeats } = context.options
  const rate = (REQUESTS_PER_SECOND * recordsPerRequest).toLocaleString('en')
  context.progress(`${rate} records/s to one long-polling consumer`)
  const server = await context.servers.posthorn(`tail ${recordsPerRequest}`, freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', 1)
  server.loadBegins()
  const result = await openLoop(context.children, {
    origin: server.url,
    path: '/topics/bench/records',
    requestsPerSecond: REQUESTS_PER_SECOND,
    warmUpSeconds: warmUpSeconds + 1,
    seconds: burstSeconds * repeats,
    connections: CONNECTIONS,
    publish: {
      kind: 'numbered',
      recordsPerRequest,
      consumer: { kind: 'partition', path: '/topics/bench/partitions/0' },
    },
  })
  const row = openLoopRow(server, result, recordsPerRequest)
  await server.stop()
  const work = `publish → long poll, ${rate} records/s, ${recordsPerRequest}/request`
  return judged({ work, partitions: 1, ...row }, recordsPerRequest === 1 ? goal : undefined)
}

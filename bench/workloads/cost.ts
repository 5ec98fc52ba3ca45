import { assertFreeSpace } from '../measure/free-space.ts'
import { interleave, type Burst } from '../measure/interleave.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import { ratioOfNeighbours } from '../measure/statistics.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { fillLog } from './filling.ts'
import { createTopic, freshDirectory, jsonLoad, numbered, publishRow } from './publishing.ts'

const TOPIC_COUNTS = [1, 10, 100, 1000]
const QUICK_TOPIC_COUNTS = [1, 100]
const RECORDS_PER_REQUEST = 100
const LOG_PARTITIONS = 6

export const costPart: Part = {
  name: 'cost',
  about: 'CPU of a request as topics go from 1 to 1,000 and as the log grows; both should be flat',
  async *run(context) {
    yield* await asTopicsGrow(context)
    yield* await asTheLogGrows(context)
  },
}

/** A server for each number of topics, all up at the same time; requests go to its topics in turn. */
async function asTopicsGrow(context: PartContext): Promise<Row[]> {
  const counts = context.options.quick ? QUICK_TOPIC_COUNTS : TOPIC_COUNTS
  const servers: MeasuredServer[] = []
  for (const count of counts) {
    context.progress(`topics: ${count}`)
    const server = await context.servers.posthorn(`cost ${count} topics`, freshDirectory(context, `topics-${count}`))
    for (const topic of numbered('topic', count)) await createTopic(server.url, topic, 1)
    servers.push(server)
  }
  context.progress('bursts to each of them in turn')
  const load = (server: MeasuredServer, index: number) =>
    jsonLoad(context, server.url, RECORDS_PER_REQUEST, numbered('topic', counts[index] ?? 1))
  const bursts = await interleave(
    servers.map((server, index) => ({ server, load: load(server, index) })),
    context,
  )
  for (const server of servers) await server.stop()
  return costRows(counts, bursts, (count) => ({
    work: `publish ${RECORDS_PER_REQUEST}/request, ${count.toLocaleString('en')} ${count === 1 ? 'topic' : 'topics'}`,
    partitions: count,
    recordsPerRequest: RECORDS_PER_REQUEST,
    reference: '1 topic',
  }))
}

/** A server for each size of log. The load is of 1 record a request, so that the sizes stay about what they are. */
async function asTheLogGrows(context: PartContext): Promise<Row[]> {
  const { logGib } = context.options
  const sizes = context.options.quick ? [logGib / 10, logGib] : [logGib / 100, logGib / 10, logGib]
  assertFreeSpace(
    context.folder,
    sizes.reduce((total, size) => total + size),
  )
  const servers: MeasuredServer[] = []
  for (const size of sizes) {
    servers.push(await serverWithLog(size, context))
  }
  context.progress('bursts to each of them in turn')
  const bursts = await interleave(
    servers.map((server) => ({ server, load: jsonLoad(context, server.url, 1, ['bench']) })),
    context,
  )
  for (const server of servers) await server.stop()
  return costRows(sizes, bursts, (size) => ({
    work: `publish 1/request, ${size} GiB of log at first`,
    partitions: LOG_PARTITIONS,
    recordsPerRequest: 1,
    reference: `${sizes[0]} GiB`,
  }))
}

/** Started again once the log is filled, so that nothing of the filling is still to be written while it is measured. */
async function serverWithLog(logGib: number, context: PartContext): Promise<MeasuredServer> {
  const dataDirectory = freshDirectory(context, `log-${logGib}`)
  const filled = await context.servers.posthorn(`fill ${logGib} GiB`, dataDirectory)
  await createTopic(filled.url, 'bench', LOG_PARTITIONS)
  await fillLog(filled, logGib, LOG_PARTITIONS, context)
  await filled.stop()
  return await context.servers.posthorn(`cost ${logGib} GiB`, dataDirectory)
}

interface CostRow {
  readonly work: string
  readonly partitions: number
  readonly recordsPerRequest: number
  readonly reference: string
}

/** The ratio is that of the server's CPU time a request to the smallest case; of the rate, where no CPU time is known. */
function costRows(
  cases: readonly number[],
  bursts: readonly (readonly Burst[])[],
  describe: (size: number) => CostRow,
): Row[] {
  const costs = bursts.map((ofCase) =>
    ofCase.map(({ serverCpuSeconds, seconds, requests }) => (serverCpuSeconds ?? seconds) / requests),
  )
  return cases.map((size, index) => {
    const { reference, ...rest } = describe(size)
    const failed = [...(bursts[index] ?? []), ...(bursts[0] ?? [])].some(({ errors }) => errors > 0)
    const compared = index !== 0 && !failed
    const ratio = compared ? ratioOfNeighbours(costs[index] ?? [], costs[0] ?? [], reference) : undefined
    return publishRow({ ...rest, bursts: bursts[index] ?? [], ratio })
  })
}

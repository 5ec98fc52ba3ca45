import { atLeastRatio, judged } from '../goals.ts'
import { interleave, ratioOfRates } from '../measure/interleave.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { createTopic, freshDirectory, jsonLoad, numbered, publishRow } from './publishing.ts'

const MANY = 64
const goal = atLeastRatio(0.8)

export const partitionsPart: Part = {
  name: 'partitions',
  about: '64 partitions written at once, by key and a partition a request, against one partition',
  async *run(context) {
    for (const recordCount of context.options.quick ? [100] : [100, 1000]) yield* await againstOne(recordCount, context)
  },
}

/** One server for all: they differ in the topics that they write to. */
async function againstOne(recordsPerRequest: number, context: PartContext): Promise<Row[]> {
  context.progress(`${recordsPerRequest} a request to 1 partition, to ${MANY} by key, to ${MANY} in turn`)
  const server = await context.servers.posthorn(`partitions ${recordsPerRequest}`, freshDirectory(context, 'data'))
  await createTopic(server.url, 'one', 1)
  await createTopic(server.url, 'many', MANY)
  const singles = numbered('single', MANY)
  for (const topic of singles) await createTopic(server.url, topic, 1)
  const loads = [['one'], ['many'], singles].map((topics) => jsonLoad(context, server.url, recordsPerRequest, topics))
  const [one = [], byKey = [], inTurn = []] = await interleave(
    loads.map((load) => ({ server, load })),
    context,
  )
  await server.stop()
  const row = (work: string, partitions: number, bursts: typeof one): Row => {
    const ratio = bursts === one ? undefined : ratioOfRates(bursts, one, '1 partition')
    const described = { work: `${recordsPerRequest}/request, ${work}`, partitions, recordsPerRequest }
    return judged(publishRow({ ...described, bursts, ratio }), bursts === one ? undefined : goal)
  }
  return [
    row('one partition', 1, one),
    row('each request spread by key', MANY, byKey),
    row('each request to one of them', MANY, inTurn),
  ]
}

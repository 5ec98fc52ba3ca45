import { interleave, ratioOfRates } from '../measure/interleave.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { createTopic, freshDirectory, jsonLoad, publishRow } from './publishing.ts'

const PARTITIONS = 6

export const acksPart: Part = {
  name: 'acks',
  about: 'acks=1, answered before the disk has the records, against acks=all',
  async *run(context) {
    for (const recordCount of context.options.quick ? [1] : [1, 100, 1000])
      yield* await againstAll(recordCount, context)
  },
}

async function againstAll(recordsPerRequest: number, context: PartContext): Promise<Row[]> {
  context.progress(`${recordsPerRequest} a request, acks=1 and acks=all`)
  const server = await context.servers.posthorn(`acks ${recordsPerRequest}`, freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', PARTITIONS)
  const loads = ['?acks=all', '?acks=1'].map((query) =>
    jsonLoad(context, server.url, recordsPerRequest, ['bench'], query),
  )
  const [all = [], one = []] = await interleave(
    loads.map((load) => ({ server, load })),
    context,
  )
  await server.stop()
  const ratio = ratioOfRates(one, all, 'acks=all')
  const common = { partitions: PARTITIONS, recordsPerRequest }
  return [
    publishRow({ work: `${recordsPerRequest}/request, acks=all`, ...common, bursts: all }),
    publishRow({ work: `${recordsPerRequest}/request, acks=1`, ...common, bursts: one, ratio }),
  ]
}

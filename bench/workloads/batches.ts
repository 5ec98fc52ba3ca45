import { BATCH_RECORDS, writeBatchesBody } from '../bodies.ts'
import { atLeastRecordsPerSecond, judged } from '../goals.ts'
import type { Load } from '../load/load.ts'
import { interleave } from '../measure/interleave.ts'
import type { Part, PartContext } from '../part.ts'
import { CONNECTIONS, createTopic, freshDirectory, numbered, publishRow } from './publishing.ts'

const PARTITIONS = 6

const goal = atLeastRecordsPerSecond(3_000_000)

export const batchesPart: Part = {
  name: 'batches',
  about: 'ready-made record batches of 1000 records, 1 and 10 a request',
  async *run(context) {
    for (const batchCount of context.options.quick ? [10] : [1, 10]) {
      context.progress(`${batchCount} batches of ${BATCH_RECORDS} records a request`)
      const server = await context.servers.posthorn(`batches ${batchCount}`, freshDirectory(context, 'data'))
      await createTopic(server.url, 'bench', PARTITIONS)
      const load = batchesLoad(context, server.url, batchCount, PARTITIONS)
      const [bursts = []] = await interleave([{ server, load }], context)
      await server.stop()
      const work = `${batchCount} × ${BATCH_RECORDS} records as batches/request, each to one of them`
      const recordsPerRequest = batchCount * BATCH_RECORDS
      yield judged(publishRow({ work, partitions: PARTITIONS, recordsPerRequest, bursts }), goal)
    }
  },
}

/** Each request goes to the next partition of the topic `bench`. */
export function batchesLoad(context: PartContext, origin: string, batchCount: number, partitions: number): Load {
  const paths = numbered('partition', partitions).map((_, index) => `/topics/bench/partitions/${index}/batches`)
  return { origin, paths, connections: CONNECTIONS, bodies: writeBatchesBody(context.folder, batchCount) }
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atLeastRatio, judged } from '../goals.ts'
import type { Load } from '../load/load.ts'
import { interleave, ratioOfRates } from '../measure/interleave.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { createTopic, freshDirectory, jsonLoad, publishRow } from './publishing.ts'

const RECORDS_PER_REQUEST = [1, 100, 1000]
/** What the no-op route is to be reached of, by records a request. */
const lowestRatio = (recordsPerRequest: number): number => (recordsPerRequest === 1 ? 0.8 : 1)

export const publishPart: Part = {
  name: 'publish',
  about: '1, 100 and 1000 records a request to 6 partitions and to 1, against the no-op Fastify route',
  async *run(context) {
    for (const partitions of context.options.quick ? [6] : [6, 1]) {
      for (const recordCount of RECORDS_PER_REQUEST) yield* await againstBaseline(recordCount, partitions, context)
    }
  },
}

/** Both servers are up and get short bursts in turn; what matters is the ratio of neighbours. */
async function againstBaseline(recordsPerRequest: number, partitions: number, context: PartContext): Promise<Row[]> {
  context.progress(`${recordsPerRequest} a request, ${partitions} partitions, and the no-op route`)
  const label = `publish ${recordsPerRequest} to ${partitions}`
  const server = await context.servers.posthorn(label, freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', partitions)
  const load = jsonLoad(context, server.url, recordsPerRequest, ['bench'])
  const baseline = await context.servers.baseline(await sampleReply(load, context))
  const contenders = [
    { server: baseline, load: { ...load, origin: baseline.url } },
    { server, load },
  ]
  const [theirs = [], ours = []] = await interleave(contenders, context)
  await baseline.stop()
  await server.stop()
  const ratio = ratioOfRates(ours, theirs, 'no-op')
  const work = `publish ${recordsPerRequest}/request`
  const row = publishRow({ work, partitions, recordsPerRequest, bursts: ours, ratio })
  return [
    judged(row, atLeastRatio(lowestRatio(recordsPerRequest))),
    publishRow({ work: `no-op Fastify, ${recordsPerRequest}/request`, recordsPerRequest, bursts: theirs }),
  ]
}

/** What the server answers to this load once its offsets are long: the baseline sends the same bytes. */
async function sampleReply(load: Load, context: PartContext): Promise<string> {
  await context.generator.run(load, 1)
  const { origin, paths, bodies } = load
  const response = await fetch(`${origin}${paths[0]}`, {
    method: 'POST',
    headers: { 'content-type': bodies?.contentType ?? '' },
    body: readFileSync(bodies?.files[0] ?? ''),
  })
  const reply = await response.text()
  if (response.status !== 200) throw new Error(`the server refused the body: ${reply}`)
  const file = join(context.folder, 'reply.json')
  writeFileSync(file, reply)
  return file
}

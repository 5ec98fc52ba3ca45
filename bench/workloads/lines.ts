import { atLeastRatio, judged } from '../goals.ts'
import { LineStreams } from '../load/line-streams.ts'
import { interleave, ratioOfRates } from '../measure/interleave.ts'
import type { Part } from '../part.ts'
import { CONNECTIONS, createTopic, freshDirectory, publishRow } from './publishing.ts'
import { flightValueBytes, writeFlightBodies, writeFlightLines } from './flight-bodies.ts'

const PARTITIONS = 6
const RECORDS_PER_REQUEST = 1000
/** What a stream is to reach of the rate of requests. */
const goal = atLeastRatio(0.8)

export const linesPart: Part = {
  name: 'lines',
  about: 'streams of NDJSON, 1 and 4, against the same records in requests of 1000',
  async *run(context) {
    context.progress('requests of 1000, one stream, four')
    const server = await context.servers.posthorn('lines', freshDirectory(context, 'data'))
    await createTopic(server.url, 'bench', PARTITIONS)
    const bodies = writeFlightBodies(context.folder, RECORDS_PER_REQUEST, true)
    const lines = writeFlightLines(context.folder)
    const generator = new LineStreams(RECORDS_PER_REQUEST)
    const origin = server.url
    const requests = { server, load: { origin, paths: ['/topics/bench/records'], connections: CONNECTIONS, bodies } }
    const streams = [1, 4].map((connections) => {
      return { server, generator, load: { origin, paths: ['/topics/bench/lines'], connections, bodies: lines } }
    })
    const [theirs = [], one = [], four = []] = await interleave([requests, ...streams], context)
    await server.stop()
    const common = { partitions: PARTITIONS, recordsPerRequest: RECORDS_PER_REQUEST, valueBytes: flightValueBytes() }
    const to = 'requests'
    yield publishRow({ work: '200,000 flights, 1000/request', ...common, bursts: theirs })
    const row = publishRow({
      work: 'one stream of lines',
      ...common,
      bursts: one,
      ratio: ratioOfRates(one, theirs, to),
    })
    yield judged(row, goal)
    yield publishRow({ work: 'four streams', ...common, bursts: four, ratio: ratioOfRates(four, theirs, to) })
  },
}

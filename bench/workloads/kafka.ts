import { KafkaCluster } from '../../test/support/kafka-cluster.ts'
import { kafkaTool, missingForKafkaTools } from '../../test/support/kafka-tools.ts'
import { atLeastRatio, judged } from '../goals.ts'
import { burst, type Burst, rates } from '../measure/interleave.ts'
import { median, ratioOfNeighbours, spreadPercent } from '../measure/statistics.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { createTopic, freshDirectory, jsonLoad, publishRow } from './publishing.ts'

const PARTITIONS = 6
const RECORD_BYTES = 100
/** In each run: with fewer the start of its Java is most of what is measured. */
const PRODUCER_RECORDS = 2_000_000
/** How much of the rate of Kafka's own producer is to be reached, by records a request. */
const goals = [
  { recordsPerRequest: 1000, lowestRatio: 0.5 },
  { recordsPerRequest: 100, lowestRatio: 0.3 },
] as const

export const kafkaPart: Part = {
  name: 'kafka',
  about:
    '1000 and 100 records a request through a gateway, against producer-perf-test on the same broker (needs Java, Maven)',
  async *run(context) {
    const missing = await missingForKafkaTools()
    if (missing !== undefined) throw new Error(missing)
    const folder = freshDirectory(context, 'kafka')
    const settings = [`num.partitions=${PARTITIONS}`]
    const cluster = await KafkaCluster.start(folder, { nodeCount: 1, settings, javaFlags: ['-Xmx512m'] })
    try {
      for (const goal of goals) yield* await againstProducer(cluster, goal, context)
    } finally {
      await cluster.stop()
    }
  },
}

/** Bursts of both in turn, all on one broker. */
async function againstProducer(
  { bootstrapServers }: KafkaCluster,
  { recordsPerRequest, lowestRatio }: (typeof goals)[number],
  context: PartContext,
): Promise<Row[]> {
  const { repeats, burstSeconds, warmUpSeconds } = context.options
  context.progress(`${recordsPerRequest} a request through a gateway, and producer-perf-test`)
  const label = `gateway ${recordsPerRequest}`
  const settings = ['engine=kafka', `bootstrap.servers=${bootstrapServers}`]
  const server = await context.servers.posthorn(label, freshDirectory(context, 'data'), settings)
  const topic = `http-${recordsPerRequest}`
  await createTopic(server.url, topic, PARTITIONS)
  const load = jsonLoad(context, server.url, recordsPerRequest, [topic])
  await context.generator.run(load, warmUpSeconds)
  server.loadBegins()
  const ours: Burst[] = []
  const theirs: number[] = []
  for (let round = 0; round < repeats; round++) {
    theirs.push(await producerRate(bootstrapServers, `perf-${recordsPerRequest}`))
    ours.push(await burst({ server, load }, burstSeconds, context))
  }
  await server.stop()
  const recordRates = rates(ours).map((rate) => rate * recordsPerRequest)
  const ratio = ratioOfNeighbours(recordRates, theirs, 'producer-perf-test')
  const work = `gateway, publish ${recordsPerRequest}/request`
  return [
    judged(
      publishRow({ work, partitions: PARTITIONS, recordsPerRequest, bursts: ours, ratio }),
      atLeastRatio(lowestRatio),
    ),
    {
      work: 'producer-perf-test, acks=all',
      partitions: PARTITIONS,
      recordsPerSecond: median(theirs),
      spreadPercent: spreadPercent(theirs),
      megabytesPerSecond: (median(theirs) * RECORD_BYTES) / 1e6,
    },
  ]
}

/** Records a second that Kafka's own producer says it sent; its process's start is not in it. */
async function producerRate(bootstrapServers: string, topic: string): Promise<number> {
  const parameters = [`bootstrap.servers=${bootstrapServers}`, 'acks=all', 'linger.ms=5', 'batch.size=131072']
  const sent = ['--num-records', String(PRODUCER_RECORDS), '--record-size', String(RECORD_BYTES), '--throughput', '-1']
  const said = await kafkaTool('org.apache.kafka.tools.ProducerPerformance', [
    '--topic',
    topic,
    ...sent,
    '--producer-props',
    ...parameters,
  ])
  const last = said.trim().split('\n').at(-1) ?? ''
  const rate = /^\d+ records sent, ([\d.]+) records\/sec/.exec(last)?.[1]
  if (rate === undefined) throw new Error(`producer-perf-test said no rate: ${last}`)
  return Number(rate)
}

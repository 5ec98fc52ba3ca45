import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KafkaCluster } from '../../test/support/kafka-cluster.ts'
import { kafkaTool, missingForKafkaTools } from '../../test/support/kafka-tools.ts'
import { flights } from '../../test/support/real-input.ts'
import { type Contender, interleave, ratioOfRates } from '../measure/interleave.ts'
import { repositoryRoot } from '../measure/servers.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { flightValueBytes, writeFlightBodies } from './flight-bodies.ts'
import { CONNECTIONS, createTopic, freshDirectory, publishRow } from './publishing.ts'

const RECORDS_PER_REQUEST = 100
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** A batch.size as large producers have it. */
const LARGE_BATCH_BYTES = 131_072

/** Stored bytes a record, by codec. */
type StoredBytes = ReadonlyMap<string, number>

export const compressionPart: Part = {
  name: 'compression',
  about: "each codec on JSON in batches of 100 records, and Kafka's own producer and broker where Java is there",
  async *run(context) {
    const stored = new Map<string, number>()
    yield* await ours(context, stored)
    const missing = await missingForKafkaTools()
    if (missing === undefined) yield* kafkas(context, stored)
    else context.progress(`no rows of Kafka's: ${missing}`)
  },
}

/** A request is one batch: each topic has one partition. */
async function ours(context: PartContext, stored: Map<string, number>): Promise<Row[]> {
  context.progress('each codec in turn')
  const server = await context.servers.posthorn('compression', freshDirectory(context, 'data'))
  for (const codec of codecs) await createTopic(server.url, codec, 1)
  const bodies = writeFlightBodies(context.folder, RECORDS_PER_REQUEST, false)
  const contenders = codecs.map((codec): Contender => {
    const paths = [`/topics/${codec}/records?compression=${codec}`]
    return { server, load: { origin: server.url, paths, connections: CONNECTIONS, bodies } }
  })
  const bursts = await interleave(contenders, context)
  for (const codec of codecs) stored.set(codec, await storedBytesPerRecord(server.url, codec))
  await server.stop()
  return codecs.map((codec, index) => ({
    ...publishRow({
      work: `${codec}, batches of ${RECORDS_PER_REQUEST}`,
      partitions: 1,
      recordsPerRequest: RECORDS_PER_REQUEST,
      valueBytes: flightValueBytes(),
      bursts: bursts[index] ?? [],
      ratio: index === 0 ? undefined : ratioOfRates(bursts[index] ?? [], bursts[0] ?? [], 'none'),
    }),
    timesSmaller: bytesOf(stored, 'none') / bytesOf(stored, codec),
  }))
}

function bytesOf(stored: StoredBytes, codec: string): number {
  return stored.get(codec) ?? Number.NaN
}

async function storedBytesPerRecord(origin: string, topic: string): Promise<number> {
  const response = await fetch(`${origin}/topics/${topic}/partitions/0`)
  const { sizeBytes, highWatermark } = (await response.json()) as { sizeBytes: number; highWatermark: number }
  return sizeBytes / highWatermark
}

/** The same records, one producer and one broker with their defaults: in batches about as large as ours were, and in large ones. */
async function* kafkas(context: PartContext, stored: StoredBytes): AsyncGenerator<Row> {
  const folder = freshDirectory(context, 'kafka')
  const file = join(folder, 'flights.ndjson')
  const values = flights().map(({ value }) => `${value}\n`)
  writeFileSync(file, values.join(''))
  const settings = ['num.partitions=1']
  const cluster = await KafkaCluster.start(folder, { nodeCount: 1, settings, javaFlags: ['-Xmx512m'] })
  const alike = codecs.map((codec) => ({ codec, batchBytes: Math.round(bytesOf(stored, codec) * RECORDS_PER_REQUEST) }))
  const large = codecs.map((codec) => ({ codec, batchBytes: LARGE_BATCH_BYTES }))
  try {
    for (const { codec, batchBytes } of context.options.quick ? alike : [...alike, ...large]) {
      context.progress(`Kafka's producer, ${codec}, batch.size=${batchBytes}`)
      const seconds = context.options.burstSeconds * Math.min(context.options.repeats, 3)
      const program = join(repositoryRoot, 'test/lanes/kafka/ProducerSpeed.java')
      const parameters = [cluster.bootstrapServers, codec, codec, file, String(seconds), String(batchBytes)]
      yield kafkaRow(codec, (await kafkaTool(program, parameters)).trim().split(' ').map(Number))
    }
  } finally {
    await cluster.stop()
  }
}

function kafkaRow(codec: string, [records = 0, seconds = 1, rate = 1, batchRecords = 0]: readonly number[]): Row {
  const recordsPerSecond = records / seconds
  return {
    work: `Kafka's producer and broker, ${codec}, batches of ${batchRecords.toFixed(0)}`,
    partitions: 1,
    recordsPerSecond,
    megabytesPerSecond: (recordsPerSecond * flightValueBytes()) / 1e6,
    timesSmaller: 1 / rate,
  }
}

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  kafkaBatch,
  kafkaBatchNames,
  kafkaBatchRecords,
  type KafkaCodec,
  kafkaCodecs,
} from '../support/kafka-batches.ts'
import { dumpLog, missingForKafkaTools } from '../support/kafka-tools.ts'
import { flights } from '../support/real-input.ts'
import type { PlainRecord } from '../support/record-spans.ts'
import { ServerProcess } from '../support/server-process.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

/** What Kafka's producer compressed is published and read back; what the server compressed, Kafka's tool reads. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

const BATCHES_TYPE = 'application/vnd.kafka.record-batches'
const PRODUCER = 'importer-7'
const EPOCH = 3
const RECORDS_PER_REQUEST = 100
const REQUESTS = 20

interface DumpedBatch {
  readonly count: number
  readonly codec: string
  readonly producerId: bigint
  readonly epoch: number
  readonly baseSequence: number
  readonly valid: boolean
}

/** The line of `kafka-dump-log` for each batch. */
function dumpedBatches(dump: string): DumpedBatch[] {
  return dump
    .split('\n')
    .filter((line) => line.startsWith('baseOffset: '))
    .map((line) => {
      const field = (name: string): string => new RegExp(`\\b${name}: (\\S+)`).exec(line)?.[1] ?? ''
      return {
        count: Number(field('count')),
        codec: field('compresscodec'),
        producerId: BigInt(field('producerId')),
        epoch: Number(field('producerEpoch')),
        baseSequence: Number(field('baseSequence')),
        valid: field('isvalid') === 'true',
      }
    })
}

async function dumpedPartition(directory: string, topic: string): Promise<{ batches: DumpedBatch[]; records: number }> {
  const folder = join(directory, `${topic}-0`)
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'))
  const dump = await dumpLog(['--deep-iteration', '--files', files.map((name) => join(folder, name)).join(',')])
  const records = dump.split('\n').filter((line) => line.startsWith('| offset: ')).length
  return { batches: dumpedBatches(dump), records }
}

async function ask(url: string, init: RequestInit = {}): Promise<Buffer> {
  const response = await fetch(url, init)
  const body = Buffer.from(await response.arrayBuffer())
  assert.ok(response.ok, `${url}: ${response.status} ${body.toString().slice(0, 500)}`)
  return body
}

async function createTopic(url: string, topic: string): Promise<void> {
  const body = JSON.stringify({ partitions: 1 })
  await ask(`${url}/topics/${topic}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
}

interface ReadRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers?: readonly {
    readonly name: string
    readonly value: string | null
    readonly valueEncoding?: string
  }[]
}

function bytesOf(text: string | null, encoding: BufferEncoding): Buffer | null {
  return text === null ? null : Buffer.from(text, encoding)
}

async function readAll(url: string, topic: string): Promise<Required<PlainRecord>[]> {
  const path = `${url}/topics/${topic}/partitions/0/records?format=base64&maxRecords=10000`
  const page = JSON.parse((await ask(path)).toString()) as { records: ReadRecord[] }
  return page.records.map(({ timestamp, key, value, headers = [] }) => ({
    key: bytesOf(key, 'base64'),
    value: bytesOf(value, 'base64'),
    timestamp,
    partition: 0,
    headers: headers.map((header) => ({
      name: Buffer.from(header.name),
      value: bytesOf(header.value, header.valueEncoding === 'base64' ? 'base64' : 'utf8'),
    })),
  }))
}

test("batches of Kafka's producer are stored as they came, and read as JSON", { timeout: 120_000 }, async (t) => {
  const directory = join(tempDirectory(t), 'data')
  mkdirSync(directory)
  const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, 'port=18252'] })
  cleanUpBehind(t, () => server.stop())
  for (const codec of kafkaCodecs) {
    for (const name of kafkaBatchNames) {
      const topic = `${name}-${codec}`
      await createTopic(server.url, topic)
      const batches = `${server.url}/topics/${topic}/partitions/0/batches`
      const body = new Uint8Array(kafkaBatch(codec, name))
      await ask(batches, { method: 'POST', headers: { 'content-type': BATCHES_TYPE }, body })
      const expected = kafkaBatchRecords(name).map((record) => ({ partition: 0, headers: [], ...record }))
      assert.deepEqual(await readAll(server.url, topic), expected, topic)
      const back = await ask(`${batches}?offset=0`)
      assert.ok(back.equals(kafkaBatch(codec, name)), `${topic}: the batch is not what was sent`)
    }
  }
  await server.stop()
  if (missing !== undefined) return t.diagnostic(missing)
  for (const codec of kafkaCodecs) {
    const { batches, records } = await dumpedPartition(directory, `flights-${codec}`)
    assert.deepEqual([...new Set(batches.map((batch) => batch.codec))], [codec])
    assert.ok(batches.every(({ valid }) => valid))
    assert.equal(records, kafkaBatchRecords('flights').length)
  }
})

function flightsBody(request: number): string {
  const own = flights().slice(request * RECORDS_PER_REQUEST, (request + 1) * RECORDS_PER_REQUEST)
  return `{"records":[${own.map(({ key, value }) => `{"key":${JSON.stringify(key)},"value":${value}}`).join(',')}]}`
}

async function publishInSequence(url: string, topic: string, codec: KafkaCodec): Promise<void> {
  for (let sequence = 0; sequence < REQUESTS; sequence++) {
    const headers = {
      'content-type': 'application/json',
      'producer-id': PRODUCER,
      'producer-epoch': String(EPOCH),
      'producer-sequence': String(sequence),
    }
    const path = `${url}/topics/${topic}/records?compression=${codec}`
    await ask(path, { method: 'POST', headers, body: flightsBody(sequence) })
  }
}

test(
  "Kafka's tool reads what the server compressed, and who published it in which order",
  { skip, timeout: 120_000 },
  async (t) => {
    const directory = join(tempDirectory(t), 'data')
    mkdirSync(directory)
    const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, 'port=18253'] })
    cleanUpBehind(t, () => server.stop())
    for (const codec of kafkaCodecs) {
      await createTopic(server.url, codec)
      await publishInSequence(server.url, codec, codec)
      const read = await readAll(server.url, codec)
      const sent = flights().slice(0, REQUESTS * RECORDS_PER_REQUEST)
      assert.deepEqual(
        read.map(({ key, value }) => ({ key: key?.toString(), value: value?.toString() })),
        sent,
      )
    }
    await server.stop()
    const producerId = createHash('sha256').update(PRODUCER).digest().readBigUInt64BE(0) >> 1n
    for (const codec of kafkaCodecs) {
      const { batches, records } = await dumpedPartition(directory, codec)
      const expected = Array.from({ length: REQUESTS }, (_, baseSequence) => {
        return { count: RECORDS_PER_REQUEST, codec, producerId, epoch: EPOCH, baseSequence, valid: true }
      })
      assert.deepEqual(batches, expected)
      assert.equal(records, REQUESTS * RECORDS_PER_REQUEST)
    }
  },
)

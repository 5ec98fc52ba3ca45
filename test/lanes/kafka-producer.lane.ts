import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { batchSizeBytes, compressionCodec, recordCount } from '../../src/codec/record-batch.ts'
import {
  kafkaBatch,
  kafkaBatchFile,
  kafkaBatchNames,
  kafkaBatchRecords,
  kafkaCodecs,
  type KafkaBatchName,
  type KafkaCodec,
} from '../support/kafka-batches.ts'
import { startKafkaCluster } from '../support/kafka-cluster.ts'
import { kafkaTool, missingForKafkaTools } from '../support/kafka-tools.ts'
import type { PlainRecord } from '../support/record-spans.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

/**
 * Kafka's own producer sends the batches of test/fixtures/kafka-batches once more, each codec, to Kafka's own broker: they
 * must come out as they are kept. UPDATE_FIXTURES=1 writes them.
 */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

interface Case {
  readonly codec: KafkaCodec
  readonly name: KafkaBatchName
  readonly topic: string
}

const cases: readonly Case[] = kafkaBatchNames.flatMap((name) =>
  kafkaCodecs.map((codec) => ({ codec, name, topic: `${name}-${codec}` })),
)

function base64(bytes: Buffer | null): string | null {
  return bytes?.toString('base64') ?? null
}

function lineOf({ key, value, timestamp, headers = [] }: PlainRecord): string {
  return JSON.stringify({
    timestamp,
    key: base64(key),
    value: base64(value),
    headers: headers.map((header) => ({ name: header.name.toString(), value: base64(header.value) })),
  })
}

test("Kafka's producer makes the batches that are kept here", { skip, timeout: 120_000 }, async (t) => {
  const folder = tempDirectory(t)
  const cluster = await startKafkaCluster(t, { nodeCount: 1, settings: ['log.retention.ms=-1', 'num.partitions=1'] })
  const broker = cluster.node(1)
  for (const name of kafkaBatchNames) {
    writeFileSync(join(folder, `${name}.ndjson`), `${kafkaBatchRecords(name).map(lineOf).join('\n')}\n`)
  }
  const program = join(repositoryRoot, 'test/lanes/kafka/GoldenProducer.java')
  const sends = cases.flatMap(({ codec, name, topic }) => [codec, topic, join(folder, `${name}.ndjson`)])
  await kafkaTool(program, [broker.address, ...sends])
  await broker.stop()
  for (const { codec, name, topic } of cases) {
    const made = readFileSync(join(broker.directory, `${topic}-0`, '00000000000000000000.log'))
    assert.equal(batchSizeBytes(made, 0), made.length, `${topic} is one batch`)
    assert.equal(kafkaCodecs[compressionCodec(made, 0)], codec)
    assert.equal(recordCount(made, 0), kafkaBatchRecords(name).length)
    const file = kafkaBatchFile(codec, name)
    if (process.env['UPDATE_FIXTURES']) {
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, made)
    }
    assert.ok(kafkaBatch(codec, name).equals(made), `${topic}: Kafka's producer made other bytes`)
  }
})

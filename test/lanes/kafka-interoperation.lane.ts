import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KafkaCodec, kafkaCodecs } from '../support/kafka-batches.ts'
import { KafkaCluster, keepLogsOfFailure } from '../support/kafka-cluster.ts'
import { kafkaTool, missingForKafkaTools } from '../support/kafka-tools.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'

/** What Kafka's own programs write is what is read over HTTP, and the other way round; so are committed offsets. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)

const consoleProducer = 'org.apache.kafka.tools.ConsoleProducer'
const consoleConsumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'

interface ReadRecord {
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly name: string; readonly value: string | null }[]
}

interface OffsetItem {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number | null
  readonly endOffset: number
}

/** As both kinds of program show them: headers, key and value. */
const lines = [
  ['source:web,try:1', 'user-1', '{"order":1,"note":"äöü €"}'],
  ['NO_HEADERS', 'user-2', '{"order":2}'],
  ['a:1,a:2', 'user-1', 'NULL'],
  ['NO_HEADERS', 'NULL', 'without a key'],
  ['long:header', 'user-3', 'x'.repeat(20_000)],
] as const

function shown({ key, value, headers }: ReadRecord): string[] {
  const told = headers.map((header) => `${header.name}:${header.value}`).join(',')
  return [told === '' ? 'NO_HEADERS' : told, key ?? 'NULL', value ?? 'NULL']
}

function published([headers, key, value]: readonly [string, string, string]): object {
  const pairs = headers === 'NO_HEADERS' ? [] : headers.split(',').map((pair) => pair.split(':'))
  return {
    key: key === 'NULL' ? null : key,
    value: value === 'NULL' ? null : value,
    headers: pairs.map(([name, text]) => ({ name, value: text })),
  }
}

async function readAll(gateway: Gateway, topic: string): Promise<string[][]> {
  const page = await gateway.ask<{ records: ReadRecord[] }>(
    `/topics/${topic}/partitions/0/records?offset=0&format=string`,
  )
  return page.records.map(shown)
}

/** Of each batch, as its attributes say. */
async function codecsOf(gateway: Gateway, topic: string): Promise<KafkaCodec[]> {
  const response = await fetch(`${gateway.url}/topics/${topic}/partitions/0/batches?offset=0&maxBytes=8388608`)
  const bytes = Buffer.from(await response.arrayBuffer())
  const codecs: KafkaCodec[] = []
  // base offset i64 | length of what follows i32 | leader epoch i32 | magic i8 | crc i32 | attributes i16 | …
  for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    codecs.push(kafkaCodecs[bytes.readInt16BE(at + 21) & 7] ?? 'none')
  }
  return codecs
}

async function offsetsOf(gateway: Gateway, group: string): Promise<(number | null)[]> {
  const { items } = await gateway.ask<{ items: OffsetItem[] }>(`/consumer-groups/${group}/offsets`)
  return items.toSorted((one, other) => one.partition - other.partition).map(({ nextOffset }) => nextOffset)
}

describe('Kafka’s own programs', { skip: missing ?? false, timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-interoperation-'))
  let cluster: KafkaCluster
  before(async () => {
    cluster = await KafkaCluster.start(folder, { nodeCount: 1 })
  })
  after(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const connecting = (...options: readonly string[]): string[] => [
    '--bootstrap-server',
    cluster.bootstrapServers,
    ...options,
  ]

  async function started(t: TestContext): Promise<Gateway> {
    keepLogsOfFailure(t, cluster)
    return startGateway(t, cluster.bootstrapServers)
  }

  test('the console consumer reads what was published over HTTP, however it is compressed', async (t) => {
    const gateway = await started(t)
    await gateway.ask('/topics/published', 'PUT', { partitions: 1 })
    for (const codec of kafkaCodecs) {
      await gateway.ask(`/topics/published/records?compression=${codec}`, 'POST', { records: lines.map(published) })
    }
    assert.deepEqual(await codecsOf(gateway, 'published'), kafkaCodecs)
    const properties = ['print.key=true', 'print.headers=true', 'null.literal=NULL']
    const count = lines.length * kafkaCodecs.length
    const printed = await kafkaTool(consoleConsumer, [
      ...connecting('--topic', 'published', '--from-beginning', '--max-messages', String(count)),
      ...properties.flatMap((property) => ['--formatter-property', property]),
    ])
    const read = printed.trimEnd().split('\n')
    assert.deepEqual(
      read.map((line) => line.split('\t')),
      kafkaCodecs.flatMap(() => lines.map((line) => [...line])),
    )
  })

  test('what the console producer writes is read over HTTP, however it is compressed', async (t) => {
    const gateway = await started(t)
    await gateway.ask('/topics/produced', 'PUT', { partitions: 1 })
    const properties = ['parse.key=true', 'parse.headers=true', 'null.marker=NULL']
    const input = lines.map(([headers, ...rest]) => [headers === 'NO_HEADERS' ? 'NULL' : headers, ...rest].join('\t'))
    for (const codec of kafkaCodecs) {
      await kafkaTool(
        consoleProducer,
        [
          ...connecting('--topic', 'produced', '--compression-codec', codec),
          ...properties.flatMap((property) => ['--reader-property', property]),
        ],
        `${input.join('\n')}\n`,
      )
    }
    assert.deepEqual(new Set(await codecsOf(gateway, 'produced')), new Set(kafkaCodecs))
    assert.deepEqual(
      await readAll(gateway, 'produced'),
      kafkaCodecs.flatMap(() => lines.map((line) => [...line])),
    )
  })

  test('offsets that Kafka’s consumer commits are those of the group over HTTP, and the other way round', async (t) => {
    const gateway = await started(t)
    await gateway.ask('/topics/committed', 'PUT', { partitions: 1 })
    const records = Array.from({ length: 10 }, (_, number) => ({ value: `v${number}` }))
    await gateway.ask('/topics/committed/records', 'POST', { records })
    const group = ['--group', 'shared', '--command-property', 'group.protocol=consumer']
    const consume = connecting('--topic', 'committed', ...group)
    const first = await kafkaTool(consoleConsumer, [...consume, '--from-beginning', '--max-messages', '4'])
    assert.equal(first.trim().split('\n').at(-1), 'v3')
    assert.deepEqual(await offsetsOf(gateway, 'shared'), [4])
    const commit = { offsets: [{ topic: 'committed', partition: 0, nextOffset: 7 }] }
    await gateway.ask('/consumer-groups/shared/offsets', 'POST', commit)
    const described = await kafkaTool(groupCommand, connecting('--describe', '--group', 'shared'))
    assert.match(described, /shared\s+committed\s+0\s+7\s+10\s+3\s/)
    const second = await kafkaTool(consoleConsumer, [...consume, '--max-messages', '1'])
    assert.equal(second.trim(), 'v7')
  })
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { dumpLog, missingForKafkaTools } from '../support/kafka-tools.ts'
import { earthquakes, flights, type InputRecord } from '../support/real-input.ts'
import { ServerProcess } from '../support/server-process.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

const run = promisify(execFile)

/** Kafka's own `kafka-dump-log` reads what the server wrote: segments, and the offsets that a group committed. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

interface Commit {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
}

async function json<Body>(url: string, body?: unknown): Promise<Body> {
  const init =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(url, init)
  const text = await response.text()
  assert.ok(response.ok, `${url}: ${response.status} ${text}`)
  return JSON.parse(text) as Body
}

async function publish(url: string, topic: string, input: readonly InputRecord[], size: number): Promise<void> {
  for (let at = 0; at < input.length; at += size) {
    const records = input.slice(at, at + size).map(({ key, value }) => ({ key, value: JSON.parse(value) as unknown }))
    await json(`${url}/topics/${topic}/records`, { records })
  }
}

async function segments(directory: string, topic: string): Promise<string[]> {
  const partitions = (await readdir(directory)).filter((name) => name.startsWith(`${topic}-`))
  const files = await Promise.all(
    partitions.map(async (name) =>
      (await readdir(join(directory, name)))
        .filter((file) => file.endsWith('.log'))
        .map((file) => join(directory, name, file)),
    ),
  )
  return files.flat()
}

async function dataDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-dump-log-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** What the tool says of each record and of each batch. */
function readDump(dump: string): { readonly records: number; readonly batches: number; readonly invalid: string[] } {
  const lines = dump.split('\n')
  return {
    records: lines.filter((line) => line.startsWith('| offset: ')).length,
    batches: lines.filter((line) => line.startsWith('baseOffset: ')).length,
    invalid: lines.filter((line) => /isvalid: false|invalid bytes|Mismatch|Non-consecutive/i.test(line)),
  }
}

test('the segments of a clean stop are valid, record for record', { skip, timeout: 300_000 }, async (t) => {
  const directory = await dataDirectory(t)
  // Small segments, so that there are rolls; requests of 1, of many, and beyond the direct path's line.
  const settings = [`log.dirs=${directory}`, 'port=18241', 'log.segment.bytes=1048576', 'num.partitions=6']
  const server = await ServerProcess.start({ settings })
  t.after(() => server.stop())
  await publish(server.url, 'flights', flights().slice(0, 150_000), 997)
  await publish(server.url, 'earthquakes', earthquakes().slice(0, 300), 1)
  await publish(server.url, 'earthquakes', earthquakes().slice(300), 1407)
  assert.equal(await server.stop(), 0)

  for (const [topic, count] of [
    ['flights', 150_000],
    ['earthquakes', 1707],
  ] as const) {
    const files = await segments(directory, topic)
    assert.ok(topic === 'earthquakes' || files.length > 6, 'there were rolls')
    const dump = readDump(await dumpLog(['--deep-iteration', '--files', files.join(',')]))
    assert.deepEqual(dump.invalid, [])
    assert.equal(dump.records, count)
    t.diagnostic(`${topic}: ${dump.records} records in ${dump.batches} batches in ${files.length} segments`)
  }
})

test('after kill -9 and a recovery the segments are valid too', { skip, timeout: 300_000 }, async (t) => {
  const directory = await dataDirectory(t)
  const settings = [`log.dirs=${directory}`, 'port=18242', 'num.partitions=6']
  const crashed = await ServerProcess.start({ settings })
  await publish(crashed.url, 'flights', flights().slice(0, 20_000), 313)
  await crashed.kill9()
  const server = await ServerProcess.start({ settings })
  t.after(() => server.stop())
  assert.equal(await server.stop(), 0)
  const files = await segments(directory, 'flights')
  const told = await dumpLog(['--deep-iteration', '--files', files.join(',')])
  const dump = readDump(told)
  assert.deepEqual(dump.invalid, [])
  assert.equal(dump.records, 20_000)
  const ours = await Promise.all(files.map(ourBatches))
  assert.deepEqual(
    ours.flat(),
    told.split('\n').filter((line) => line.startsWith('baseOffset: ')),
  )
})

/** What `posthorn dump-log` says of each batch, in the words of Kafka's tool. */
async function ourBatches(file: string): Promise<string[]> {
  const main = join(repositoryRoot, 'src', 'main.ts')
  const { stdout } = await run(process.execPath, [main, 'dump-log', '--json', file], { maxBuffer: 256 * 1024 * 1024 })
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const {
        kind,
        file: _,
        timestampType,
        timestamp,
        ...batch
      } = JSON.parse(line) as Record<string, string | number | boolean>
      assert.equal(kind, 'batch')
      const fields = Object.entries(batch).flatMap(([name, value]) => {
        if (name === 'deleteHorizonMs') return [[name, 'OptionalLong.empty']]
        return name === 'size'
          ? [
              [timestampType, timestamp],
              [name, value],
            ]
          : [[name, value]]
      })
      return fields.map(([name, value]) => `${String(name)}: ${String(value)}`).join(' ')
    })
}

test("Kafka's offsets decoder prints what the group committed", { skip, timeout: 300_000 }, async (t) => {
  const directory = await dataDirectory(t)
  const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, 'port=18243', 'num.partitions=6'] })
  t.after(() => server.stop())
  await publish(server.url, 'earthquakes', earthquakes(), 100)
  const page = await json<{ cursor: string }>(
    `${server.url}/consumer-groups/auditors/topics/earthquakes/records?maxRecords=700`,
  )
  const commits = await json<{ items: Commit[] }>(`${server.url}/consumer-groups/auditors/offsets`, {
    cursor: page.cursor,
  })
  assert.ok(commits.items.length > 0)
  assert.equal(await server.stop(), 0)

  const dump = await dumpLog([
    '--offsets-decoder',
    '--files',
    (await segments(directory, '__consumer_offsets')).join(','),
  ])
  const printed = dump.split('\n').filter((line) => line.includes('auditors'))
  for (const { partition, nextOffset } of commits.items) {
    const matching = printed.filter(
      (line) =>
        line.includes('"topic":"earthquakes"') &&
        new RegExp(`"partition":${partition}\\b`).test(line) &&
        new RegExp(`"offset":${nextOffset}\\b`).test(line),
    )
    assert.equal(matching.length, 1, `partition ${partition} at ${nextOffset} in\n${printed.join('\n')}`)
  }
})

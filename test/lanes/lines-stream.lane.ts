import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { streamLines } from '../../bench/load/line-stream.ts'
import { peakResidentMiB } from '../../bench/measure/process-figures.ts'
import { flights, type InputRecord } from '../support/real-input.ts'
import { ServerProcess } from '../support/server-process.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

/*
 * One request that goes on and on: 200,000 flights as lines, again and again. It costs the server no memory, and every line
 * is there, in its order.
 *
 *   npm run test:publish                     256 MiB, some seconds
 *   LIVE_PUBLISH=long npm run test:publish   10 GiB; 12 GiB of free disk, some minutes
 */
const long = process.env['LIVE_PUBLISH'] === 'long'
const STREAM_BYTES = (long ? 10_240 : 256) * 1024 * 1024
const MOST_RESIDENT_MIB = 250
const PARTITIONS = 6
const PAGE_RECORDS = 10_000
/** Of a long log the first and the last records of each partition are looked at, of a short one all. */
const READ_RECORDS = long ? 500_000 : Infinity

interface Page {
  readonly records: readonly { readonly offset: number; readonly value: string }[]
  readonly nextOffset: number
  readonly upToDate: boolean
}

async function json<Body>(url: string, method = 'GET', body?: unknown): Promise<Body> {
  const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(url, { method, ...sent })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`)
  return JSON.parse(text) as Body
}

/** Which partition each key goes to, told by a topic of as many. */
async function partitionsByKey(url: string, input: readonly InputRecord[]): Promise<Map<string, number>> {
  const keys = [...new Set(input.map(({ key }) => key))]
  const body = { records: keys.map((key) => ({ key, value: 'which?' })) }
  const reply = await json<{ records: { partition: number }[] }>(`${url}/topics/keys/records`, 'POST', body)
  return new Map(keys.map((key, index) => [key, reply.records[index]?.partition ?? -1]))
}

/** The values of each partition's first round; the later rounds are the same. */
function roundOf(input: readonly InputRecord[], partitionOf: ReadonlyMap<string, number>): string[][] {
  const values: string[][] = Array.from({ length: PARTITIONS }, () => [])
  for (const { key, value } of input) values[partitionOf.get(key) ?? -1]?.push(value)
  return values
}

async function checkPartition(url: string, round: readonly string[], from: number, to: number): Promise<number> {
  let offset = from
  while (offset < to) {
    const page = await json<Page>(`${url}?format=string&maxRecords=${PAGE_RECORDS}&maxBytes=8388608&offset=${offset}`)
    for (const record of page.records) {
      assert.equal(record.offset, offset)
      assert.equal(record.value, round[offset % round.length], `offset ${offset}`)
      offset++
    }
    assert.ok(page.records.length > 0, `nothing at ${offset} of ${to}`)
  }
  return offset
}

test('an endless request of lines takes no memory, and every line is there', { timeout: 1_200_000 }, async (t) => {
  const directory = join(tempDirectory(t), 'data')
  mkdirSync(directory)
  const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, 'port=18265'] })
  cleanUpBehind(t, () => server.stop())
  for (const topic of ['flights', 'keys'])
    await json(`${server.url}/topics/${topic}`, 'PUT', { partitions: PARTITIONS })
  const input = flights()
  const round = roundOf(input, await partitionsByKey(server.url, input))
  const lines = Buffer.from(input.map(({ key, value }) => `{"key":"${key}","value":${value}}\n`).join(''))
  const began = performance.now()
  const stored = await streamLines(
    `${server.url}/topics/flights/lines`,
    lines,
    (sentBytes) => sentBytes >= STREAM_BYTES,
  )
  const seconds = (performance.now() - began) / 1000
  const residentMiB = peakResidentMiB(server.pid)
  const perSecond = Math.round(stored.recordCount / seconds).toLocaleString('en')
  t.diagnostic(`${stored.recordCount} records, ${perSecond} records/s, at most ${residentMiB?.toFixed(0)} MiB resident`)
  assert.ok(stored.recordCount >= Math.floor(STREAM_BYTES / lines.length) * input.length)
  assert.ok(residentMiB === undefined || residentMiB <= MOST_RESIDENT_MIB, `${residentMiB} MiB`)
  for (const { partition, recordCount, firstOffset, lastOffset } of stored.partitions) {
    assert.deepEqual({ firstOffset, lastOffset }, { firstOffset: 0, lastOffset: recordCount - 1 })
    const url = `${server.url}/topics/flights/partitions/${partition}/records`
    const own = round[partition] ?? []
    const read = await checkPartition(url, own, 0, Math.min(recordCount, READ_RECORDS))
    await checkPartition(url, own, Math.max(read, recordCount - READ_RECORDS), recordCount)
    assert.equal((await json<Page>(`${url}?offset=${recordCount}`)).upToDate, true)
  }
  assert.equal(
    stored.partitions.reduce((sum, { recordCount }) => sum + recordCount, 0),
    stored.recordCount,
  )
})

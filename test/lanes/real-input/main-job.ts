import assert from 'node:assert/strict'
import type { InputRecord } from '../../support/real-input.ts'
import type { CrashingServer } from './crashing-server.ts'

/**
 * The main job, over HTTP only: publishers, a group that consumes, and kill -9 in the middle of both.
 *
 * Every record carries a header `from` = publisher/request/index, so that any stored record can be traced to the request
 * that sent it, acknowledged or not.
 */
export interface MainJob {
  readonly server: CrashingServer
  readonly topic: string
  readonly input: readonly InputRecord[]
  readonly crashes: number
  /** What an acknowledgement says. */
  readonly durability: 'fsync' | 'replicated'
  /** What a request without an acknowledgement is there with: all its records or none, or so for each partition of it. */
  readonly unacknowledged: 'whole' | 'whole in each partition'
}

interface Sent {
  readonly records: readonly InputRecord[]
  /** Where the acknowledgement said the records are; undefined = no acknowledgement. */
  readonly places: readonly Place[] | undefined
}

interface Place {
  readonly partition: number
  readonly offset: number
}

interface StoredRecord extends Place {
  readonly key: string
  readonly value: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

const PUBLISHERS = 8
const PARTITIONS = 6
/** Records a request, in turn. */
const REQUEST_SIZES = [1, 7, 100, 350, 1000, 3]

/** Sends a request; undefined when the connection broke, which a crash does to it. */
async function request(server: CrashingServer, path: string, init?: RequestInit): Promise<Response | undefined> {
  const url = await server.url()
  try {
    return await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(60_000) })
  } catch {
    return undefined
  }
}

function post(body: string): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body }
}

function requestBody(records: readonly InputRecord[], from: string): string {
  const texts = records.map(
    ({ key, value }, index) =>
      `{"key":${JSON.stringify(key)},"value":${value},"headers":[{"name":"from","value":"${from}/${index}"}]}`,
  )
  return `{"records":[${texts.join(',')}]}`
}

/** Publishes one share of the input in requests of mixed size; `sent` is filled by the name of the request. */
async function publishShare(
  { server, topic, durability }: MainJob,
  publisher: number,
  share: readonly InputRecord[],
  sent: Map<string, Sent>,
): Promise<void> {
  for (let at = 0, turn = publisher; at < share.length; turn++) {
    const records = share.slice(at, at + (REQUEST_SIZES[turn % REQUEST_SIZES.length] ?? 1))
    at += records.length
    const from = `${publisher}/${turn}`
    const places = await publishOnce({ server, topic, durability }, requestBody(records, from))
    sent.set(from, { records, places })
  }
}

async function publishOnce(
  { server, topic, durability }: Pick<MainJob, 'server' | 'topic' | 'durability'>,
  body: string,
): Promise<Place[] | undefined> {
  const response = await request(server, `/topics/${topic}/records`, post(body))
  const text = await response?.text().catch(() => undefined)
  if (response === undefined || text === undefined) return undefined
  assert.equal(response.status, 200, text)
  const reply = JSON.parse(text) as { records: Place[]; durability: string }
  assert.equal(reply.durability, durability)
  return reply.records
}

async function publishAll(job: MainJob): Promise<Map<string, Sent>> {
  const { input } = job
  const sent = new Map<string, Sent>()
  const shareSize = Math.ceil(input.length / PUBLISHERS)
  await Promise.all(
    Array.from({ length: PUBLISHERS }, (_, publisher) =>
      publishShare(job, publisher, input.slice(publisher * shareSize, (publisher + 1) * shareSize), sent),
    ),
  )
  return sent
}

interface GroupPage {
  readonly records: readonly Place[]
  readonly cursor: string
  readonly upToDate: boolean
}

/**
 * Reads as a group without members until `done` and all is read, committing each page. After a crash it starts again
 * from what the group committed. Returns the places seen.
 */
async function consume(server: CrashingServer, topic: string, done: () => boolean): Promise<Set<string>> {
  const seen = new Set<string>()
  let cursor: string | undefined
  for (;;) {
    const finishing = done()
    const query = cursor === undefined ? '' : `&cursor=${cursor}`
    const path = `/consumer-groups/auditors/topics/${topic}/records?maxRecords=5000&waitMs=200&format=string${query}`
    const response = await request(server, path)
    const page = (await response?.json().catch(() => undefined)) as GroupPage | undefined
    if (response === undefined || page === undefined || response.status === 503) {
      cursor = undefined
      continue
    }
    assert.equal(response.status, 200, JSON.stringify(page))
    for (const { partition, offset } of page.records) seen.add(`${partition}/${offset}`)
    cursor = page.cursor
    if (page.records.length > 0) await commit(server, cursor)
    else if (finishing && page.upToDate) return seen
  }
}

async function commit(server: CrashingServer, cursor: string): Promise<void> {
  const response = await request(server, '/consumer-groups/auditors/offsets', post(JSON.stringify({ cursor })))
  const text = await response?.text().catch(() => undefined)
  if (response !== undefined && response.status !== 503) assert.equal(response.status, 200, text)
}

async function readPartition(server: CrashingServer, topic: string, partition: number): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  let offset = 0
  for (;;) {
    const path = `/topics/${topic}/partitions/${partition}/records?offset=${offset}&maxRecords=10000&maxBytes=8388608`
    const response = await request(server, `${path}&format=string`)
    assert.equal(response?.status, 200)
    const page = (await response?.json()) as { records: StoredRecord[]; nextOffset: number; upToDate: boolean }
    records.push(...page.records)
    offset = page.nextOffset
    if (page.upToDate) return records
  }
}

/** What a stored record says of where it came from. */
function origin(record: StoredRecord): { readonly request: string; readonly index: number } {
  const from = record.headers.find(({ name }) => name === 'from')?.value ?? ''
  const [publisher, turn, index] = from.split('/')
  return { request: `${publisher}/${turn}`, index: Number(index) }
}

function checkLog(
  stored: readonly (readonly StoredRecord[])[],
  sent: ReadonlyMap<string, Sent>,
  unacknowledged: MainJob['unacknowledged'],
): void {
  const found = new Map<string, StoredRecord[]>()
  for (const [partition, records] of stored.entries()) {
    const newest = new Map<string, string>()
    for (const [position, record] of records.entries()) {
      assert.equal(record.offset, position, `offsets of partition ${partition} are dense`)
      const { request: name, index } = origin(record)
      const source = sent.get(name)
      assert.equal(record.value, source?.records[index]?.value, `${name}/${index} is there byte for byte`)
      assert.equal(record.key, source?.records[index]?.key)
      const there = found.get(name)
      if (there === undefined) found.set(name, [record])
      else there.push(record)
      checkOrder(newest, name, index)
    }
  }
  for (const [name, { records, places }] of sent) {
    const there = found.get(name) ?? []
    if (places === undefined) checkUnacknowledged(name, records, there, unacknowledged)
    else checkAcknowledged(name, records, places, there, stored)
  }
}

/** Within a partition the records of one publisher stand in the order in which it sent them. */
function checkOrder(newest: Map<string, string>, name: string, index: number): void {
  const [publisher = '', turn = ''] = name.split('/')
  const order = `${turn.padStart(8, '0')}/${String(index).padStart(8, '0')}`
  const before = newest.get(publisher) ?? ''
  assert.ok(order > before, `${name}/${index} stands behind ${before}`)
  newest.set(publisher, order)
}

function checkUnacknowledged(
  name: string,
  records: readonly InputRecord[],
  found: readonly StoredRecord[],
  unacknowledged: MainJob['unacknowledged'],
): void {
  const isThere = new Set(found.map((record) => origin(record).index))
  // Records of one key go to one partition.
  const parts = Map.groupBy(records.keys(), (index) => (unacknowledged === 'whole' ? '' : records[index]?.key))
  for (const indexes of parts.values()) {
    const count = indexes.filter((index) => isThere.has(index)).length
    assert.ok(
      count === 0 || count === indexes.length,
      `${name} has no acknowledgement and is there by halves: ${count} of ${indexes.length}`,
    )
  }
}

function checkAcknowledged(
  name: string,
  records: readonly InputRecord[],
  places: readonly Place[],
  found: readonly StoredRecord[],
  stored: readonly (readonly StoredRecord[])[],
): void {
  assert.equal(found.length, records.length, `${name} was acknowledged and is there once and whole`)
  for (const [index, place] of places.entries()) {
    const record = stored[place.partition]?.[place.offset]
    assert.ok(record, `${name}/${index} was acknowledged at ${place.partition}/${place.offset}`)
    assert.deepEqual(origin(record), { request: name, index })
  }
}

/** Publishes, consumes and crashes at the same time; returns figures for the log. */
export async function publishAndConsumeThroughCrashes(
  job: MainJob,
): Promise<{ readonly unacknowledged: number; readonly records: number }> {
  const { server, topic, input, crashes } = job
  const created = await request(server, '/topics', post(JSON.stringify({ name: topic, partitions: PARTITIONS })))
  assert.equal(created?.status, 201)
  let published = false
  const publishing = publishAll(job).finally(() => (published = true))
  const consuming = consume(server, topic, () => published)
  for (let crash = 1; crash <= crashes; crash++) {
    await until(async () => published || (await recordCount(server, topic)) >= (input.length * crash) / (crashes + 1))
    await server.crashAndStart()
  }
  const sent = await publishing
  const seen = await consuming
  const stored = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) => readPartition(server, topic, partition)),
  )
  checkLog(stored, sent, job.unacknowledged)
  for (const record of stored.flat()) {
    assert.ok(seen.has(`${record.partition}/${record.offset}`), `the group missed ${record.partition}/${record.offset}`)
  }
  const unacknowledged = [...sent.values()].filter(({ places }) => places === undefined).length
  return { unacknowledged, records: stored.flat().length }
}

async function recordCount(server: CrashingServer, topic: string): Promise<number> {
  const response = await request(server, `/topics/${topic}/partitions`)
  const page = (await response?.json().catch(() => undefined)) as { items?: { highWatermark: number }[] } | undefined
  return page?.items?.reduce((sum, { highWatermark }) => sum + highWatermark, 0) ?? 0
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await condition())) assert.ok(performance.now() < deadline, 'waited two minutes in vain')
}

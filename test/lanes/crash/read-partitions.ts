import assert from 'node:assert/strict'
import { jsonCall } from './http-call.ts'
import type { FoundPartition, ReadRecord, TopicHistory } from './topic-history.ts'

interface PartitionItem {
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly sizeBytes: number
}

interface Page {
  readonly records: readonly ReadRecord[]
  readonly nextOffset: number
  readonly upToDate: boolean
}

/**
 * Reads a topic as a user would, while nobody publishes: all of it, or what no audit has read. Retention and compaction go
 * on meanwhile.
 */
export async function readPartitions(url: string, history: TopicHistory, all: boolean): Promise<FoundPartition[]> {
  const { partitions } = history.rules
  return Promise.all(Array.from({ length: partitions }, (_, partition) => readPartition(url, history, partition, all)))
}

async function readPartition(
  url: string,
  history: TopicHistory,
  partition: number,
  all: boolean,
): Promise<FoundPartition> {
  const path = `${url}/topics/${history.rules.topic}/partitions/${partition}`
  for (;;) {
    const item = await ask<PartitionItem>(path)
    const from = all ? item.logStartOffset : Math.max(item.logStartOffset, history.auditedTo(partition))
    const records = await readFrom(`${path}/records`, from)
    if (records !== undefined) return { ...item, from, records }
  }
}

/** undefined: retention took some of it meanwhile. */
async function readFrom(path: string, from: number): Promise<ReadRecord[] | undefined> {
  const records: ReadRecord[] = []
  for (let offset = from; ;) {
    const query = `offset=${offset}&format=string&maxRecords=10000&maxBytes=8388608`
    const reply = await jsonCall('GET', `${path}?${query}`)
    assert.ok(reply, `no answer to ${path}?${query}`)
    if (reply.status === 410) return undefined
    // Behind the end: the log is shorter than what had been read of it, and that is for the history to judge.
    if (reply.status === 416) return records
    assert.equal(reply.status, 200, reply.text)
    const page = JSON.parse(reply.text) as Page
    for (const record of page.records) records.push(record)
    if (page.upToDate) return records
    offset = page.nextOffset
  }
}

async function ask<Body>(url: string): Promise<Body> {
  const reply = await jsonCall('GET', url)
  assert.ok(reply, `no answer to ${url}`)
  assert.equal(reply.status, 200, reply.text)
  return JSON.parse(reply.text) as Body
}

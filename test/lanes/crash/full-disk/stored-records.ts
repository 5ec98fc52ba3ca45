import assert from 'node:assert/strict'
import { batchSizeBytes } from '../../../../src/codec/record-batch.ts'
import { decodeBatch } from '../../../support/record-spans.ts'
import { valuesOf } from './filling-publisher.ts'

interface Place {
  readonly partition: number
  readonly offset: number
}

interface FoundRecord extends Place {
  readonly value: string
}

/** What publishers were told of their records, held against what the topics hold. */
export class StoredRecords {
  audited = 0
  readonly #acknowledged = new Map<string, Map<string, readonly Place[]>>()
  readonly #unknown = new Map<string, Set<string>>()

  acknowledged(topic: string, request: string, places: readonly Place[]): void {
    const known = this.#acknowledged.get(topic) ?? new Map<string, readonly Place[]>()
    this.#acknowledged.set(topic, known.set(request, places))
  }

  /** No answer came: it is there whole, or not at all. */
  unknown(topic: string, request: string): void {
    this.#unknown.set(topic, (this.#unknown.get(topic) ?? new Set()).add(request))
  }

  /** Reads the whole topic. @returns what is wrong, in sentences */
  async audit(url: string, topic: string, partitions: number): Promise<string[]> {
    const findings: string[] = []
    const found = new Map<string, Place[]>()
    for (let partition = 0; partition < partitions; partition++) {
      let expected = 0
      for await (const record of readPartition(url, topic, partition)) {
        if (record.offset !== expected)
          findings.push(`${topic}/${partition} goes on with ${record.offset}, not ${expected}`)
        expected = record.offset + 1
        take(found, record, findings)
        this.audited++
      }
    }
    return [...findings, ...this.#compare(topic, found)]
  }

  *#compare(topic: string, found: Map<string, Place[]>): Iterable<string> {
    const acknowledged = this.#acknowledged.get(topic) ?? new Map<string, readonly Place[]>()
    for (const [request, places] of acknowledged) {
      const is = found.get(request) ?? []
      for (const [index, { partition, offset }] of places.entries()) {
        const place = is[index]
        if (place === undefined) yield `${request}/${index} was acknowledged at ${partition}/${offset} and is not there`
        else if (place.partition !== partition || place.offset !== offset)
          yield `${request}/${index} was acknowledged at ${partition}/${offset} and is at ${place.partition}/${place.offset}`
      }
    }
    const unknown = this.#unknown.get(topic)
    for (const [request, places] of found) {
      const count = places.filter((place) => place !== undefined).length
      if (count !== valuesOf(request).length) yield `${count} records of ${request} are there`
      if (!acknowledged.has(request) && unknown?.has(request) !== true) yield `${request} was refused and is there`
    }
  }
}

function take(found: Map<string, Place[]>, { partition, offset, value }: FoundRecord, findings: string[]): void {
  const [, request = '', index = ''] = /^([^/]+)\/(\d+)\|/.exec(value) ?? []
  const place = { partition, offset }
  const places = found.get(request) ?? []
  found.set(request, places)
  if (value !== expectedValue(request, Number(index)))
    findings.push(`${partition}/${offset} holds other bytes than were sent`)
  if (places[Number(index)]) findings.push(`${request}/${index} is there twice`)
  places[Number(index)] = place
}

let latest: { readonly request: string; readonly values: readonly string[] } = { request: '', values: [] }

/** Records of a request lie together mostly. */
function expectedValue(request: string, index: number): string | undefined {
  if (latest.request !== request) latest = { request, values: valuesOf(request) }
  return latest.values[index]
}

async function* readPartition(url: string, topic: string, partition: number): AsyncIterable<FoundRecord> {
  const path = `${url}/topics/${topic}/partitions/${partition}/batches`
  for (let offset = 0; ;) {
    const response = await fetch(`${path}?offset=${offset}&maxBytes=8388608`)
    const bytes = Buffer.from(await response.arrayBuffer())
    assert.equal(response.status, 200, bytes.toString())
    if (bytes.length === 0) return
    for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
      for (const record of decodeBatch(bytes.subarray(at))) {
        if (record.offset < offset) continue
        offset = record.offset + 1
        yield { partition, offset: record.offset, value: String(record.value) }
      }
    }
  }
}

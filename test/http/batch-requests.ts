import { crc32c } from '../../src/codec/crc32c.ts'
import { batchSizeBytes } from '../../src/codec/record-batch.ts'
import type { PlainRecord } from '../support/record-spans.ts'
import { startApi, type ApiServer } from './api-server.ts'
import type { AnyJson } from '../support/any-json.ts'

export const MEDIA_TYPE = 'application/vnd.kafka.record-batches'
export const NOW = 1_700_000_000_000
export const path = '/topics/orders/partitions/0/batches'

export const record = (value: string, timestamp = NOW): PlainRecord => ({
  key: null,
  value: Buffer.from(value),
  timestamp,
})

interface Answer {
  readonly status: number
  readonly bytes: Buffer
  readonly headers: Headers
  readonly json: () => AnyJson
}

export async function call({ url }: ApiServer, target: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url + target, init)
  const bytes = Buffer.from(await response.arrayBuffer())
  return { status: response.status, bytes, headers: response.headers, json: () => JSON.parse(bytes.toString()) }
}

export function post(server: ApiServer, body: Buffer, target = path, type: string = MEDIA_TYPE): Promise<Answer> {
  const headers = { 'content-type': type }
  return call(server, target, { method: 'POST', headers, body: new Uint8Array(body) })
}

export async function startWithTopic(
  t: Parameters<typeof startApi>[0],
  options: Parameters<typeof startApi>[1] = {},
  configs: Record<string, string> = {},
): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 1, configs }).expect(201)
  return server
}

/** The batches that a body holds. */
export function split(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
    batches.push(bytes.subarray(at, at + batchSizeBytes(bytes, at)))
  }
  return batches
}

/** A batch changed behind its checksum's back, and made to agree with it again. */
export function changed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  copy.writeUInt32BE(crc32c(copy.subarray(21)), 17)
  return copy
}

export const HEADER = { attributes: 21, lastOffsetDelta: 23, maxTimestamp: 35, producerId: 43, recordCount: 57 }

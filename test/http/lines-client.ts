import type { TestContext } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'
import { openRawClient, type RawClient } from './raw-client.ts'

export const HEAD =
  'POST /topics/orders/lines?results=lines HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n' +
  'Transfer-Encoding: chunked\r\n\r\n'

export async function startWithTopic(t: TestContext, options: Parameters<typeof startApi>[1] = {}): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  return server
}

export function linesOf(from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += `{"key":"k${i}","value":{"i":${i}}}\n`
  return text
}

export async function post(server: ApiServer, body: string | Buffer, target = '/topics/orders/lines', headers = {}) {
  const answer = await fetch(server.url + target, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  })
  const text = await answer.text()
  // Who is answered in the middle of its body is closed a little later.
  server.clock.advance(5000)
  const told = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  return { status: answer.status, type: answer.headers.get('content-type'), told, last: told.at(-1) }
}

export async function keysOf({ api }: ApiServer): Promise<string[]> {
  const keys: string[] = []
  for (let offset = 0; ;) {
    const { body } = await api.get(`/topics/orders/partitions/0/records?maxRecords=10000&offset=${offset}`).expect(200)
    keys.push(...body.records.map(({ key }: { key: string }) => key))
    if (body.upToDate) return keys
    offset = body.nextOffset
  }
}

export const keys = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`)

export interface Client extends RawClient {
  readonly send: (chunk: string) => void
}

export function open(t: TestContext, server: ApiServer, head = HEAD): Client {
  const client = openRawClient(t, server)
  client.socket.write(head)
  const send = (chunk: string): void => {
    client.socket.write(`${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`)
  }
  return { ...client, send }
}

import type { TestContext } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'
import type { AnyJson } from '../support/any-json.ts'

export const NOW = 1_700_000_000_000

type Headers = Readonly<Record<string, string | number>>

export const sequence = (number: number, epoch?: number, id = 'billing-7'): Headers => ({
  'Producer-Id': id,
  'Producer-Sequence': number,
  ...(epoch !== undefined && { 'Producer-Epoch': epoch }),
})
export const key = (name: string): Headers => ({ 'Idempotency-Key': name })

export async function start(t: TestContext, partitions = 4): Promise<ApiServer> {
  const server = await startApi(t)
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  return server
}

/** Values are keyless; what comes with a key says so. */
export function post({ api }: ApiServer, headers: Headers, records: readonly unknown[], query = '') {
  const text = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  return api.post(`/topics/orders/records${query}`).set(text).send({ records })
}

export async function answerOf(response: Response): Promise<AnyJson> {
  return response.json()
}

/** Sorted. */
export async function valuesIn({ api }: ApiServer): Promise<string[]> {
  const { body } = await api.get('/topics/orders/records?maxRecords=1000').expect(200)
  return body.records
    .map(({ value }: { value: string }) => value)
    .sort((one: string, other: string) => (one < other ? -1 : 1))
}

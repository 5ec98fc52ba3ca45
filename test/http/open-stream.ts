import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { startApi, type ApiServer, type ApiServerOptions } from './api-server.ts'
import { EventReader } from './event-source.ts'

export const NOW = 1_700_000_000_000

export async function startWithTopic(
  t: TestContext,
  partitions = 2,
  options: ApiServerOptions = {},
): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions }).expect(201)
  return server
}

export async function publish({ api }: ApiServer, partition: number, ...values: readonly unknown[]): Promise<void> {
  await api
    .post('/topics/orders/records')
    .send({ records: values.map((value) => ({ value, partition })) })
    .expect(200)
}

export function open(t: TestContext, { url }: ApiServer, query = '', headers: Record<string, string> = {}) {
  return EventReader.open(t, `${url}/topics/orders/stream${query}`, headers)
}

/** A turn of the event loop, as often as it takes. */
export async function until(reached: () => boolean, message: string): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    if (reached()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail(message)
}

export const valuesOf = (records: readonly { value: unknown }[]) => records.map(({ value }) => value)
export const sortedTexts = (values: readonly unknown[]) => values.map(String).toSorted((a, b) => (a < b ? -1 : 1))

import type { TestContext } from 'node:test'
import { type ApiServer, type ApiServerOptions, startApi } from './api-server.ts'

/** A topic of four partitions whose records are `<partition>-<offset>`. */
export async function startWithOrders(
  t: TestContext,
  perPartition = 0,
  options: ApiServerOptions = {},
): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 4 }).expect(201)
  if (perPartition > 0) await publish(server, perPartition)
  return server
}

export async function publish({ api }: ApiServer, perPartition: number, from = 0, topic = 'orders'): Promise<void> {
  const records = [0, 1, 2, 3].flatMap((partition) =>
    Array.from({ length: perPartition }, (_, i) => ({ partition, value: `${partition}-${from + i}` })),
  )
  await api.post(`/topics/${topic}/records`).send({ records }).expect(200)
}

export const all = (perPartition: number): string[] =>
  [0, 1, 2, 3].flatMap((partition) => Array.from({ length: perPartition }, (_, i) => `${partition}-${i}`)).sort()

import type { TestContext } from 'node:test'
import { startApi, type ApiServer } from './api-server.ts'

export const MIB = 1024 * 1024
export const HEAD = 'POST /topics/orders/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

export function bodyOf(sizeBytes: number): string {
  const shell = '{"records":[{"value":""}]}'
  return shell.replace('""', `"${'x'.repeat(sizeBytes - shell.length)}"`)
}

/** Large, and valid for any topic. */
export function paddedBody(sizeBytes: number, value = 1): string {
  return `{"records":[{"value":"${'x'.repeat(value)}"}]}`.padEnd(sizeBytes)
}

export async function startWithTopic(t: TestContext, options: Parameters<typeof startApi>[1]): Promise<ApiServer> {
  const server = await startApi(t, options)
  await server.api.put('/topics/orders').send({ partitions: 1 }).expect(201)
  return server
}

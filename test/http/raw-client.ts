import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { ApiServer } from './api-server.ts'

/** A connection whose bytes a test sends, or leaves away, as it likes. */
export interface RawClient {
  readonly socket: Socket
  /** What has come so far. */
  readonly text: () => string
  readonly closed: () => boolean
}

export function openRawClient(t: TestContext, { url }: ApiServer): RawClient {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  let closed = false
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('close', () => (closed = true))
  socket.on('error', () => {})
  return { socket, text: () => text, closed: () => closed }
}

/** Turns of the event loop, as often as it takes. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate)
}

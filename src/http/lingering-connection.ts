import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../broker/clock.ts'
import { discardRest } from './discarded-body.ts'

/**
 * Of a client that is answered before it has sent all of its body: what still comes is read and let go for so long, so
 * that it sees the answer instead of a connection that was reset under it. Then the connection is closed.
 */
export function lingerBehindAnswer(body: IncomingMessage, clock: Clock, lingerMs: number): void {
  if (body.complete) return
  const socket: Socket = body.socket
  discardRest(body)
  const timer = clock.setTimer(lingerMs, () => {
    if (!body.complete) socket.destroy()
  })
  socket.once('close', () => timer.cancel())
  body.once('end', () => timer.cancel())
}

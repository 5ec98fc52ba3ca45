import type { IncomingMessage } from 'node:http'
import type { Clock } from '../broker/clock.ts'

const wellFormed = /^[\w.:@/+=-]{1,128}$/

/** Names each request: by the client's `X-Request-Id` if it is well formed, else by a number that no earlier start used. */
export function requestIds(clock: Clock): (request: IncomingMessage) => string {
  const prefix = clock.now().toString(36)
  let count = 0
  return (request) => {
    const given = request.headers['x-request-id']
    if (typeof given === 'string' && wellFormed.test(given)) return given
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}

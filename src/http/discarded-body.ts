import type { IncomingMessage } from 'node:http'

/**
 * Closing a connection while its client still sends a body resets it, and the client may never see the reply: up to
 * here, what is left is read and forgotten. A longer one is not worth it.
 */
export const DISCARDED_BODY_MAX_BYTES = 128 * 1024 * 1024

/** Reads what is left of a body that is not wanted. */
export function discardRest(body: IncomingMessage): void {
  let bytes = 0
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DISCARDED_BODY_MAX_BYTES) body.destroy()
  })
  body.resume()
}

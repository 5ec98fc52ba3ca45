import type { FastifyReply } from 'fastify'

/**
 * A signal that ends a waiting read: when its client is gone, or when the server stops. Undefined where there is nothing
 * to wait for, which is what most reads are.
 */
export function waitSignal(reply: FastifyReply, stopping: AbortSignal, waitMs: number): AbortSignal | undefined {
  if (waitMs === 0) return undefined
  const gone = new AbortController()
  const abort = (): void => gone.abort()
  stopping.addEventListener('abort', abort, { once: true })
  reply.raw.once('close', () => {
    stopping.removeEventListener('abort', abort)
    gone.abort()
  })
  if (stopping.aborted) gone.abort()
  return gone.signal
}

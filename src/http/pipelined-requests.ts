import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

/**
 * Bounds the requests of one connection that wait behind an earlier one's reply (HTTP pipelining): Node hands out all
 * that a client has sent, whether it reads replies or not.
 */
export class PipelinedRequests {
  readonly #max: number
  readonly #onExcess: () => void
  readonly #waiting = new WeakMap<Socket, number>()

  /** @param max requests under way on one connection */
  constructor(max: number, onExcess: () => void) {
    this.#max = max
    this.#onExcess = onExcess
  }

  /** False: the connection is ended, and the request is not to be served. */
  admits({ raw: response, request }: FastifyReply): boolean {
    // The response that the connection works on has it; those behind get it in their turn.
    if (response.socket !== null) return true
    const { socket } = request.raw
    if (socket.destroyed) return false
    const waiting = (this.#waiting.get(socket) ?? 0) + 1
    if (waiting >= this.#max) {
      this.#onExcess()
      socket.destroy()
      return false
    }
    this.#waiting.set(socket, waiting)
    response.on('close', () => this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1))
    return true
  }
}

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Connections over which a body comes that may take as long as it likes, and of which a part may be stored already. Node
 * tells of each request that is not whole within `request.body.timeout.ms`: of these it is not heard. What else it has to
 * say of such a connection is for the reader of the body, who knows what to answer.
 */
export class UnhurriedBodies {
  readonly #bodies = new WeakMap<Socket, IncomingMessage>()

  /** Until the body is over. */
  add(body: IncomingMessage): void {
    const { socket } = body
    this.#bodies.set(socket, body)
    body.once('close', () => this.#bodies.delete(socket))
  }

  has(socket: Socket): boolean {
    return this.#bodies.has(socket)
  }

  /** Gives the error to who reads the body of this connection. False: nobody does, or it is about what comes behind. */
  fail(socket: Socket, error: Error): boolean {
    const body = this.#bodies.get(socket)
    return body !== undefined && !body.complete && body.listenerCount('error') > 0 && body.emit('error', error)
  }
}

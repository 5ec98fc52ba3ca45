import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Connections over which a body comes that may take as long as it likes. Node tells of each request that is not whole
 * within `request.body.timeout.ms`; of these it is not heard.
 */
export class UnhurriedBodies {
  readonly #sockets = new WeakSet<Socket>()

  /** Until the body is over. */
  add(body: IncomingMessage): void {
    const { socket } = body
    this.#sockets.add(socket)
    body.once('close', () => this.#sockets.delete(socket))
  }

  has(socket: Socket): boolean {
    return this.#sockets.has(socket)
  }
}

import { HttpConnection, type HttpReply } from './http-connection.ts'

/**
 * Connections that are taken by one request each; what finds none free waits its turn, and its latency counts on. The one
 * that rested longest is next: a connection that says nothing for long is closed by the server.
 */
export class ConnectionPool {
  readonly #free: HttpConnection[]
  readonly #all: readonly HttpConnection[]
  readonly #queue: ((connection: HttpConnection) => void)[] = []

  private constructor(connections: readonly HttpConnection[]) {
    this.#all = connections
    this.#free = [...connections]
  }

  static async open(origin: string, size: number): Promise<ConnectionPool> {
    return new ConnectionPool(await Promise.all(Array.from({ length: size }, () => HttpConnection.open(origin))))
  }

  async send(request: Buffer): Promise<HttpReply> {
    const connection = this.#free.shift() ?? (await new Promise<HttpConnection>((resolve) => this.#queue.push(resolve)))
    try {
      return await connection.send(request)
    } finally {
      const next = this.#queue.shift()
      if (next) next(connection)
      else this.#free.push(connection)
    }
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }
}

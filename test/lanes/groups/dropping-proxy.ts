import type { AddressInfo } from 'node:net'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { once } from 'node:events'

export interface ProxyCounts {
  repeated: number
  dropped: number
}

/**
 * A proxy as they are: some replies never reach the client, and a GET whose reply it lost it sends again by itself. Which
 * ones is up to `random`.
 */
export class DroppingProxy {
  readonly url: string
  readonly counts: ProxyCounts = { repeated: 0, dropped: 0 }
  readonly #server: Server
  readonly #target: URL
  readonly #random: () => number

  private constructor(server: Server, target: URL, random: () => number) {
    this.#server = server
    this.#target = target
    this.#random = random
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (incoming: IncomingMessage, reply: ServerResponse) => {
      this.#forward(incoming, reply).catch(() => incoming.socket.destroy())
    })
  }

  static async start(target: string, random: () => number): Promise<DroppingProxy> {
    const server = createHttpServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new DroppingProxy(server, new URL(target), random)
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #forward(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body: Buffer[] = []
    for await (const chunk of incoming) body.push(chunk as Buffer)
    let answer = await this.#ask(incoming, Buffer.concat(body))
    while (incoming.method === 'GET' && this.#random() < 0.25) {
      this.counts.repeated++
      answer = await this.#ask(incoming, Buffer.alloc(0))
    }
    if (this.#random() < 0.15) {
      this.counts.dropped++
      incoming.socket.destroy()
      return
    }
    reply.writeHead(answer.status, { 'content-type': answer.type, 'content-length': answer.body.length })
    reply.end(answer.body)
  }

  async #ask(
    { method, url, headers }: IncomingMessage,
    body: Buffer,
  ): Promise<{ readonly status: number; readonly type: string; readonly body: Buffer }> {
    const { hostname, port, host } = this.#target
    const outgoing = request({ hostname, port, method, path: url, headers: { ...headers, host } })
    outgoing.end(body)
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    return {
      status: incoming.statusCode ?? 0,
      type: incoming.headers['content-type'] ?? 'application/json',
      body: Buffer.concat(chunks),
    }
  }
}

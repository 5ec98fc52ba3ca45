import { once } from 'node:events'
import {
  Agent,
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** Shares of the requests that something happens to. */
export interface Unreliability {
  /** The server did it, the client never hears of it. */
  readonly droppedReplies: number
  /** Sent twice at the same moment, over two connections. */
  readonly sentTwice: number
  /** The server gets the first half of the body, then the connection breaks. */
  readonly cutBodies: number
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

export interface ProxyHooks {
  /** Sees each whole answer of the server, also those that the client will never see. */
  readonly answered?: (incoming: IncomingMessage, answer: Answer) => void
  /** Faults planted on purpose: what the server gets in place of the client's headers, the client in place of the answer. */
  readonly changeHeaders?: (headers: Readonly<Record<string, unknown>>) => Record<string, string>
  readonly changeAnswer?: (answer: Answer) => Answer
}

export interface ProxyCounts {
  forwarded: number
  dropped: number
  twice: number
  cut: number
}

/** A proxy as bad as a network may be, for requests that are safe to repeat. What happens to which is up to `random`. */
export class UnreliableProxy {
  readonly url: string
  readonly counts: ProxyCounts = { forwarded: 0, dropped: 0, twice: 0, cut: 0 }
  readonly #server: Server
  readonly #target: URL
  readonly #unreliability: Unreliability
  readonly #random: () => number
  readonly #hooks: ProxyHooks
  readonly #agent = new Agent({ keepAlive: true })

  private constructor(
    server: Server,
    target: URL,
    unreliability: Unreliability,
    random: () => number,
    hooks: ProxyHooks,
  ) {
    this.#server = server
    this.#target = target
    this.#unreliability = unreliability
    this.#random = random
    this.#hooks = hooks
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (incoming: IncomingMessage, reply: ServerResponse) => {
      this.#forward(incoming, reply).catch(() => incoming.socket.destroy())
    })
  }

  static async start(
    target: string,
    unreliability: Unreliability,
    random: () => number,
    hooks: ProxyHooks = {},
  ): Promise<UnreliableProxy> {
    const server = createHttpServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new UnreliableProxy(server, new URL(target), unreliability, random, hooks)
  }

  stop(): void {
    this.#agent.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #forward(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const { droppedReplies, sentTwice, cutBodies } = this.#unreliability
    if (this.#random() < cutBodies) {
      this.counts.cut++
      await this.#cut(incoming, body)
      incoming.socket.destroy()
      return
    }
    const answer = await this.#askMaybeTwice(incoming, body, this.#random() < sentTwice)
    this.counts.forwarded++
    if (this.#random() < droppedReplies) {
      this.counts.dropped++
      incoming.socket.destroy()
      return
    }
    const { status, type, body: text } = this.#hooks.changeAnswer?.(answer) ?? answer
    reply.writeHead(status, { 'content-type': type, 'content-length': text.length })
    reply.end(text)
  }

  async #askMaybeTwice(incoming: IncomingMessage, body: Buffer, twice: boolean): Promise<Answer> {
    if (!twice) return this.#ask(incoming, body)
    this.counts.twice++
    const answers = await Promise.allSettled([this.#ask(incoming, body), this.#ask(incoming, body)])
    const whole = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const chosen = whole[this.#random() < 0.5 ? 0 : whole.length - 1]
    if (chosen === undefined) throw new Error('the server answered neither')
    return chosen
  }

  async #ask(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const outgoing = request({ ...this.#options(incoming, body), agent: this.#agent })
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const type = response.headers['content-type'] ?? 'application/json'
    const answer = { status: response.statusCode ?? 0, type, body: Buffer.concat(chunks) }
    this.#hooks.answered?.(incoming, answer)
    return answer
  }

  /** Over a connection of its own, which breaks when half of the body is on its way. */
  async #cut(incoming: IncomingMessage, body: Buffer): Promise<void> {
    const outgoing = request({ ...this.#options(incoming, body), agent: false })
    const closed = new Promise((resolve) => outgoing.once('close', resolve))
    outgoing.on('error', () => undefined)
    outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy())
    await closed
  }

  #options({ method, url, headers }: IncomingMessage, body: Buffer) {
    const { hostname, port, host } = this.#target
    const given = this.#hooks.changeHeaders?.(headers) ?? headers
    return { hostname, port, method, path: url, headers: { ...given, host, 'content-length': body.length } }
  }
}

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { cleanUpBehind } from '../../support/temp-directory.ts'

/** A balancer that knows nothing of members: each request goes to the next server, and past one that is not there. */
export class RoundRobin {
  readonly url: string
  readonly #targets: readonly string[]
  #next = 0

  private constructor(server: Server, targets: readonly string[]) {
    this.#targets = targets
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (incoming: IncomingMessage, reply: ServerResponse) => {
      this.#forward(incoming, reply).catch(() => incoming.socket.destroy())
    })
  }

  /** It ends behind the test. */
  static async start(t: TestContext, targets: readonly string[]): Promise<RoundRobin> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUpBehind(t, () => {
      server.closeAllConnections()
      server.close()
    })
    return new RoundRobin(server, targets)
  }

  async #forward(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body: Buffer[] = []
    for await (const chunk of incoming) body.push(chunk as Buffer)
    const first = this.#next++
    for (let tries = 0; tries < this.#targets.length; tries++) {
      const target = this.#targets[(first + tries) % this.#targets.length]
      const answer = await ask(`${target}${incoming.url}`, incoming, Buffer.concat(body), reply).catch(isRefused)
      if (answer === undefined) continue
      reply.writeHead(answer.statusCode ?? 502, answer.headers)
      for await (const chunk of answer) reply.write(chunk)
      reply.end()
      return
    }
    reply.writeHead(502).end()
  }
}

/** Nobody listened, so that nobody has the request; any other error cuts the client off. */
function isRefused(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ECONNREFUSED') throw error
}

async function ask(
  url: string,
  { method, headers }: IncomingMessage,
  body: Buffer,
  reply: ServerResponse,
): Promise<IncomingMessage> {
  const forwarded = request(url, { method: method ?? 'GET', headers, agent: false })
  reply.once('close', () => forwarded.destroy())
  forwarded.end(body)
  const [answer] = (await once(forwarded, 'response')) as [IncomingMessage]
  return answer
}

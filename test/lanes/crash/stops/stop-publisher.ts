import { Agent, type IncomingMessage, request } from 'node:http'

/** What became of a request. */
export interface SentRequest {
  readonly name: string
  /** undefined: the connection broke before an answer. */
  readonly status: number | undefined
  readonly stored: string | undefined
  readonly closes: boolean
  readonly places: readonly { readonly partition: number; readonly offset: number }[]
}

const RECORDS = 5

/** Publishes one request behind the other over one connection, as long as it stays open. */
export class StopPublisher {
  readonly sent: SentRequest[] = []
  readonly #name: string
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(name: string, url: string) {
    this.#name = name
    this.#url = url
  }

  get acknowledged(): number {
    return this.sent.filter(({ status }) => status === 200).length
  }

  /** Until the server refuses, or is not there any more. */
  async run(): Promise<void> {
    for (let turn = 0; ; turn++) {
      const sent = await this.#publish(`${this.#name}.${turn}`)
      this.sent.push(sent)
      if (sent.status !== 200) break
    }
    this.#agent.destroy()
  }

  #publish(name: string): Promise<SentRequest> {
    const body = JSON.stringify({ records: valuesOf(name).map((value) => ({ value })) })
    return new Promise((resolve) => {
      const outgoing = request(
        `${this.#url}/topics/orders/records`,
        { method: 'POST', agent: this.#agent, headers: { 'content-type': 'application/json' } },
        (response) => void answered(name, response).then(resolve, () => resolve(unanswered(name))),
      )
      outgoing.on('error', () => resolve(unanswered(name)))
      outgoing.end(body)
    })
  }
}

function unanswered(name: string): SentRequest {
  return { name, status: undefined, stored: undefined, closes: true, places: [] }
}

async function answered(name: string, response: IncomingMessage): Promise<SentRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString()) as { stored?: string; records?: SentRequest['places'] }
  return {
    name,
    status: response.statusCode,
    stored: body.stored,
    closes: response.headers.connection === 'close',
    places: body.records ?? [],
  }
}

export function valuesOf(name: string): string[] {
  return Array.from({ length: RECORDS }, (_, index) => `${name}/${index}`)
}

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { ServerProcess } from './server-process.ts'
import { cleanUpBehind } from './temp-directory.ts'

/** A server in front of a Kafka cluster, as a user starts it. */
export class Gateway {
  readonly #bootstrapServers: string
  readonly #settings: readonly string[]
  #server: ServerProcess
  #url: string

  private constructor(server: ServerProcess, bootstrapServers: string, settings: readonly string[]) {
    this.#server = server
    this.#url = server.url
    this.#bootstrapServers = bootstrapServers
    this.#settings = settings
  }

  /** On a free port, which it keeps through restarts. */
  static async start(bootstrapServers: string, settings: readonly string[] = []): Promise<Gateway> {
    const server = await launch(bootstrapServers, ['listeners=http://127.0.0.1:0', ...settings])
    return new Gateway(server, bootstrapServers, settings)
  }

  get url(): string {
    return this.#url
  }

  get pid(): number {
    return this.#server.pid
  }

  /** All that it said. */
  get output(): string {
    return this.#server.output.join('\n')
  }

  async crash(): Promise<void> {
    await this.#server.kill9()
  }

  async startAgain(): Promise<void> {
    this.#server = await launch(this.#bootstrapServers, [`listeners=${this.#url}`, ...this.#settings])
  }

  async stop(): Promise<number | null> {
    return this.#server.stop()
  }

  /** Asks for what must be answered well; the answer's body. */
  async ask<Body>(path: string, method = 'GET', body?: unknown): Promise<Body> {
    const sent =
      body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(`${this.#url}${path}`, { method, ...sent })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Body
  }
}

function launch(bootstrapServers: string, settings: readonly string[]): Promise<ServerProcess> {
  return ServerProcess.start({ settings: ['engine=kafka', `bootstrap.servers=${bootstrapServers}`, ...settings] })
}

/** It ends behind the test, and what it said is shown if that failed. */
export async function startGateway(
  t: TestContext,
  bootstrapServers: string,
  settings: readonly string[] = [],
): Promise<Gateway> {
  const gateway = await Gateway.start(bootstrapServers, settings)
  cleanUpBehind(t, async () => {
    await gateway.stop()
    if (!('passed' in t && t.passed === true)) t.diagnostic(gateway.output.slice(-4000))
  })
  return gateway
}

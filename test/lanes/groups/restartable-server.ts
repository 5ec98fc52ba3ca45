import { ServerProcess } from '../../support/server-process.ts'

/** A server that keeps its data and its port through crashes. */
export class RestartableServer {
  readonly url: string
  readonly #settings: readonly string[]
  #server: ServerProcess

  private constructor(server: ServerProcess, settings: readonly string[]) {
    this.#server = server
    this.#settings = settings
    this.url = server.url
  }

  static async start(dataDirectory: string, port: number, settings: readonly string[]): Promise<RestartableServer> {
    const all = [`log.dirs=${dataDirectory}`, `listeners=http://127.0.0.1:${port}`, ...settings]
    return new RestartableServer(await ServerProcess.start({ settings: all }), all)
  }

  /** The last that it said. */
  get output(): string {
    return this.#server.output.slice(-20).join('\n')
  }

  async crashAndStart(): Promise<void> {
    await this.#server.kill9()
    this.#server = await ServerProcess.start({ settings: this.#settings })
  }

  async restart(): Promise<void> {
    await this.#server.stop()
    this.#server = await ServerProcess.start({ settings: this.#settings })
  }

  async stop(): Promise<number | null> {
    return this.#server.stop()
  }
}

import type { ServerProcess } from '../../support/server-process.ts'

/** The server that is up now; publishers and consumers wait here while it is being started again. */
export class CrashingServer {
  readonly #start: () => Promise<ServerProcess>
  #server: Promise<ServerProcess>

  /** @param start at the same address each time */
  constructor(start: () => Promise<ServerProcess>) {
    this.#start = start
    this.#server = start()
  }

  url(): Promise<string> {
    return this.#server.then((server) => server.url)
  }

  async crashAndStart(): Promise<void> {
    const crashed = await this.#server
    await crashed.kill9()
    this.#server = this.#start()
    await this.#server
  }

  async stop(): Promise<number | null> {
    return (await this.#server).stop()
  }
}

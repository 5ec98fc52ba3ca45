import { Connection, type ConnectionOptions } from '@platformatic/kafka'

export interface NodeAddress {
  readonly host: string
  readonly port: number
}

/**
 * At most one connection to each node, made when first asked for. A broker answers the requests of a connection one after
 * the other, so that what may take long has connections of its own: one of these for each lane.
 */
export class NodeConnections {
  readonly #clientId: string
  readonly #options: ConnectionOptions
  readonly #connections = new Map<string, { connection: Connection; ready: Promise<Connection> }>()
  #closed = false

  constructor(clientId: string, options: ConnectionOptions) {
    this.#clientId = clientId
    this.#options = options
  }

  /** Resolves when it is connected and logged in; rejects with the library's error. */
  get(address: NodeAddress): Promise<Connection> {
    const key = keyOf(address)
    const known = this.#connections.get(key)
    if (known !== undefined && isUsable(known.connection)) return known.ready
    return this.#connect(key, address)
  }

  has(address: NodeAddress): boolean {
    return this.#connections.get(keyOf(address))?.connection.isConnected() === true
  }

  /** Of those there are now. */
  get size(): number {
    return this.#connections.size
  }

  async close(): Promise<void> {
    this.#closed = true
    const open = [...this.#connections.values()]
    this.#connections.clear()
    await Promise.allSettled(open.map(({ connection }) => connection.close()))
  }

  #connect(key: string, { host, port }: NodeAddress): Promise<Connection> {
    const connection = new Connection(this.#clientId, this.#options)
    const forget = (): void => {
      if (this.#connections.get(key)?.connection === connection) this.#connections.delete(key)
    }
    // Also keeps an error that nobody waits for from ending the process.
    connection.on('error', forget)
    connection.on('close', forget)
    const ready = this.#opened(connection, host, port).catch((error: unknown) => {
      forget()
      throw error
    })
    this.#connections.set(key, { connection, ready })
    return ready
  }

  async #opened(connection: Connection, host: string, port: number): Promise<Connection> {
    await connection.connect(host, port)
    if (this.#closed) await connection.close()
    return connection
  }
}

function keyOf({ host, port }: NodeAddress): string {
  return `${host}:${port}`
}

function isUsable({ status }: Connection): boolean {
  return status !== 'closed' && status !== 'closing' && status !== 'error'
}

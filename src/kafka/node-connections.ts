import { apiVersionsV3, Connection, type ConnectionOptions } from '@platformatic/kafka'
import { isIP } from 'node:net'
import type { Clock } from '../broker/clock.ts'
import { SessionConnection } from './session-connection.ts'
import { stoppingError } from './stopping-error.ts'
import { withinMs } from './time-limits.ts'

/** What is still to be written to a node that hangs is not waited for. */
const CLOSE_LIMIT_MS = 500
const PROBE_LIMIT_MS = 3000

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
  readonly #clock: Clock
  readonly #onLost: () => void
  readonly #connections = new Map<string, { connection: SessionConnection; ready: Promise<Connection> }>()
  /** Others have taken their place; they answer what they were asked before. */
  readonly #retired = new Map<SessionConnection, string>()
  /** Why connections broke: requests under way are told only that they did. */
  readonly #failures = new Map<string, unknown>()
  #closed = false

  /** @param onLost a connection that was open has ended, and not because we gave it up */
  constructor(clientId: string, options: ConnectionOptions, clock: Clock, onLost: () => void = () => {}) {
    this.#clientId = clientId
    this.#options = options
    this.#clock = clock
    this.#onLost = onLost
  }

  /** Resolves when it is connected and logged in; rejects with the library's error. */
  get(address: NodeAddress): Promise<Connection> {
    if (this.#closed) return Promise.reject(stoppingError())
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

  /** What broke the last connection to it; undefined where that was closed, or there was none. */
  failureOf(address: NodeAddress): unknown {
    return this.#failures.get(keyOf(address))
  }

  /** Ends the connection at once: what was asked on it comes to an error. */
  giveUp(address: NodeAddress): void {
    const key = keyOf(address)
    const known = this.#connections.get(key)
    this.#connections.delete(key)
    known?.connection.socket?.destroy()
    for (const [retired, of] of this.#retired) if (of === key) retired.socket?.destroy()
  }

  async close(): Promise<void> {
    this.#closed = true
    const open = [...this.#connections.values()].map(({ connection }) => connection)
    const all = [...open, ...this.#retired.keys()]
    this.#connections.clear()
    await Promise.all(all.map((connection) => this.#end(connection)))
  }

  async #end(connection: Connection): Promise<void> {
    await withinMs(connection.close(), CLOSE_LIMIT_MS, this.#clock).catch(() => connection.socket?.destroy())
  }

  #connect(key: string, { host, port }: NodeAddress): Promise<Connection> {
    const connection = new SessionConnection(this.#clientId, optionsFor(host, this.#options))
    connection.onSessionEnds = () => this.#retire(key, connection)
    this.#failures.delete(key)
    let isOpen = false
    const ended = (): void => {
      this.#retired.delete(connection)
      // One that was given up is forgotten before it ends.
      if (this.#connections.get(key)?.connection !== connection) return
      this.#connections.delete(key)
      if (isOpen) this.#onLost()
    }
    // Also keeps an error that nobody waits for from ending the process.
    connection.on('error', (error: unknown) => {
      this.#failures.set(key, error)
      ended()
    })
    connection.on('close', ended)
    const ready = this.#opened(connection, host, port).then(
      () => {
        isOpen = true
        return connection
      },
      (error: unknown) => {
        ended()
        throw error
      },
    )
    this.#connections.set(key, { connection, ready })
    return ready
  }

  #retire(key: string, connection: SessionConnection): void {
    if (this.#connections.get(key)?.connection !== connection) return
    this.#connections.delete(key)
    this.#retired.set(connection, key)
    connection.retire()
  }

  async #opened(connection: Connection, host: string, port: number): Promise<void> {
    await connection.connect(host, port)
    if (this.#closed) await connection.close()
  }
}

/** Whether a node answers on a connection of its own: what every broker answers at once, before anybody has logged in. */
export async function answersNewcomers(
  clientId: string,
  options: ConnectionOptions,
  { host, port }: NodeAddress,
  clock: Clock,
): Promise<boolean> {
  const { sasl: _, ...open } = options
  const connection = new Connection(clientId, optionsFor(host, open))
  connection.on('error', () => {})
  const ask = async (): Promise<unknown> => {
    await connection.connect(host, port)
    return await apiVersionsV3.api.async(connection, 'posthorn', '1')
  }
  try {
    await withinMs(ask(), PROBE_LIMIT_MS, clock)
    return true
  } catch {
    return false
  } finally {
    connection.socket?.destroy()
  }
}

/** A name is told to the node (SNI) so that it shows the certificate of that name; an address is none (RFC 6066 §3). */
function optionsFor(host: string, options: ConnectionOptions): ConnectionOptions {
  return options.tls === undefined ? options : { ...options, tlsServerName: isIP(host) === 0 }
}

function keyOf({ host, port }: NodeAddress): string {
  return `${host}:${port}`
}

function isUsable({ status }: Connection): boolean {
  return status !== 'closed' && status !== 'closing' && status !== 'error'
}

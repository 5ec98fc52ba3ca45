import type { Socket } from 'node:net'
import type { Clock } from '../broker/clock.ts'

/** How often connections are looked at: a stalled one lives this much longer at most. */
const SWEEP_INTERVAL_MS = 2000

interface Standstill {
  /** Bytes taken by then. */
  readonly taken: number
  readonly since: number
}

/**
 * Ends connections whose client does not take what was sent to it: a page is written in one piece, which has to be taken
 * within `reply.timeout.ms`. One timer looks at all connections, so that requests cost nothing.
 */
export class StalledConnections {
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #onStalled: () => void
  readonly #open = new Set<Socket>()
  readonly #standstills = new Map<Socket, Standstill>()
  #sweeping = false

  constructor(timeoutMs: number, clock: Clock, onStalled: () => void) {
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    this.#onStalled = onStalled
  }

  readonly watch = (socket: Socket): void => {
    this.#open.add(socket)
    socket.on('close', () => {
      this.#open.delete(socket)
      this.#standstills.delete(socket)
    })
    if (!this.#sweeping) this.#sweepLater()
  }

  #sweepLater(): void {
    this.#sweeping = true
    this.#clock.setTimer(Math.min(SWEEP_INTERVAL_MS, this.#timeoutMs), () => {
      this.#sweeping = false
      const now = this.#clock.monotonic()
      for (const socket of this.#open) this.#look(socket, now)
      if (this.#open.size > 0) this.#sweepLater()
    })
  }

  #look(socket: Socket, now: number): void {
    if (socket.writableLength === 0) {
      this.#standstills.delete(socket)
      return
    }
    const taken = socket.bytesWritten - socket.writableLength
    const known = this.#standstills.get(socket)
    if (known?.taken !== taken) this.#standstills.set(socket, { taken, since: now })
    else if (now - known.since >= this.#timeoutMs) {
      this.#onStalled()
      this.#open.delete(socket)
      socket.destroy()
    }
  }
}

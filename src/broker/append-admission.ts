import { BrokerError } from './broker-error.ts'
import type { Clock } from './clock.ts'
import type { Acks } from './append-request.ts'

/** How often those are looked at that wait for the disk: nobody tells of each round. */
const LOOK_INTERVAL_MS = 10

export interface AppendAdmissionOptions {
  /** `produce.inflight.max.bytes` */
  readonly maxBytes: number
  /** `request.admission.wait.ms` */
  readonly waitMs: number
  /** Bytes accepted that are not durable yet. */
  readonly notDurableBytes: () => number
  readonly clock: Clock
}

interface WaitingAppend {
  readonly bytes: number
  readonly acks: Acks
  readonly latest: number
  readonly admitted: () => void
  readonly refused: (error: BrokerError) => void
}

/**
 * Bounds the bytes of appends under way. Who finds no room waits for it, behind those that came before; where that takes
 * too long it is refused.
 */
export class AppendAdmission {
  readonly #options: AppendAdmissionOptions
  #bytes = 0
  #underWay = 0
  #idle: (() => void)[] = []
  #waiting: WaitingAppend[] = []
  #looking = false
  #refusals = 0

  constructor(options: AppendAdmissionOptions) {
    this.#options = options
  }

  /** Appends refused so far. */
  get refusals(): number {
    return this.#refusals
  }

  /** Undefined: it is admitted; else when that resolves. Rejects with SERVER_OVERLOADED. */
  admit(bytes: number, acks: Acks): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#fits(bytes, acks)) {
      this.#take(bytes)
      return undefined
    }
    const { clock, waitMs } = this.#options
    if (waitMs === 0) return Promise.reject(this.#refusal(acks))
    return new Promise((admitted, refused) => {
      this.#waiting.push({ bytes, acks, latest: clock.monotonic() + waitMs, admitted, refused })
      this.#lookLater()
    })
  }

  /** An append that was admitted is answered. */
  release(bytes: number): void {
    this.#bytes -= bytes
    this.#underWay--
    if (this.#waiting.length > 0) this.#serve()
    this.#settle()
  }

  /** Resolves when no append is under way, nor waits. */
  async settled(): Promise<void> {
    if (this.#underWay > 0 || this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
  }

  #settle(): void {
    if (this.#underWay > 0 || this.#waiting.length > 0) return
    for (const wake of this.#idle.splice(0)) wake()
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    this.#underWay++
  }

  /** An append is admitted alone whatever its size: its body is bounded already. */
  #fits(bytes: number, acks: Acks): boolean {
    const others = this.#othersBytes(acks)
    return others === 0 || others + bytes <= this.#options.maxBytes
  }

  /** With acks other than `all` a request is answered while its records are still on their way. */
  #othersBytes(acks: Acks): number {
    return acks === 'all' ? this.#bytes : this.#options.notDurableBytes()
  }

  #serve(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#fits(next.bytes, next.acks);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.#take(next.bytes)
      next.admitted()
    }
  }

  #lookLater(): void {
    if (this.#looking) return
    this.#looking = true
    const { clock } = this.#options
    clock.setTimer(LOOK_INTERVAL_MS, () => {
      this.#looking = false
      const now = clock.monotonic()
      for (let next = this.#waiting[0]; next !== undefined && next.latest <= now; next = this.#waiting[0]) {
        this.#waiting.shift()
        next.refused(this.#refusal(next.acks))
      }
      this.#serve()
      if (this.#waiting.length > 0) this.#lookLater()
      else this.#settle()
    })
  }

  #refusal(acks: Acks): BrokerError {
    this.#refusals++
    const { maxBytes, waitMs } = this.#options
    return new BrokerError(
      'SERVER_OVERLOADED',
      `${this.#othersBytes(acks)} bytes of records are on their way to where they are stored, of at most ${maxBytes} ` +
        `(produce.inflight.max.bytes), and there was no room within ${waitMs} ms (request.admission.wait.ms). ` +
        `Send the request again in a moment.`,
      { stored: 'no', retryAfterSeconds: 1 },
    )
  }
}

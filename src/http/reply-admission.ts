import type { ServerResponse } from 'node:http'
import { BrokerError } from '../broker/broker-error.ts'

/**
 * The more is held, the smaller are the pages: a page above a size ends once this share is held by all. A small page fits
 * into the kernel's buffers, so clients that do not read cannot keep the others from small pages.
 */
const LARGE_PAGE_BYTES = 1024 * 1024
const LARGE_PAGES_SHARE = 1 / 2
const SMALL_PAGE_BYTES = 64 * 1024
const PAGES_SHARE = 3 / 4

/**
 * Bounds the memory of pages: of what is written of each so far, until its client has taken it or is gone. A client that
 * reads slowly so holds a part of what all pages may hold, and no more.
 */
export class ReplyAdmission {
  readonly #maxBytes: number
  readonly #onRefusal: () => void
  #bytes = 0

  constructor(maxBytes: number, onRefusal: () => void) {
    this.#maxBytes = maxBytes
    this.#onRefusal = onRefusal
  }

  /** Held by all replies now. */
  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes
  }

  /** True for a page of so many bytes that should end. */
  isFullFor(pageBytes: number): boolean {
    if (pageBytes <= SMALL_PAGE_BYTES) return this.isFull
    return this.#bytes >= this.#maxBytes * (pageBytes > LARGE_PAGE_BYTES ? LARGE_PAGES_SHARE : PAGES_SHARE)
  }

  /** The error where there is no room for another page. */
  refusal(): BrokerError | undefined {
    if (!this.isFull) return undefined
    this.#onRefusal()
    return new BrokerError(
      'SERVER_OVERLOADED',
      `${this.#bytes} bytes of pages wait for their clients to take them, of at most ${this.#maxBytes} ` +
        `(fetch.inflight.max.bytes). Ask again in a moment, and take each page as it comes.`,
      { retryAfterSeconds: 1 },
    )
  }

  /** The memory of one reply, held until the connection has taken it or is closed. Throws where there is no room. */
  hold(response: ServerResponse): HeldReply {
    const refused = this.refusal()
    if (refused !== undefined) throw refused
    return this.count(response)
  }

  /** As `hold`, for a reply that has to be given: it counts, and is not refused. */
  count(response: ServerResponse): HeldReply {
    const held = new HeldReply(this, (bytes) => (this.#bytes += bytes))
    response.on('close', () => held.close())
    return held
  }
}

/** What one reply holds. */
export class HeldReply {
  readonly #admission: ReplyAdmission
  readonly #add: (bytes: number) => void
  #bytes = 0
  #closed = false

  constructor(admission: ReplyAdmission, add: (bytes: number) => void) {
    this.#admission = admission
    this.#add = add
  }

  /** True while there is no room for more of it: a page that has records ends here. */
  get isFull(): boolean {
    return this.#closed || this.#admission.isFullFor(this.#bytes)
  }

  /** For a page that has nothing yet. */
  refuseIfFull(): void {
    const refused = this.#admission.refusal()
    if (refused !== undefined) throw refused
  }

  /** The reply has so many bytes by now. */
  resize(bytes: number): void {
    if (this.#closed) return
    this.#add(bytes - this.#bytes)
    this.#bytes = bytes
  }

  close(): void {
    this.resize(0)
    this.#closed = true
  }
}

import type { PartitionLog } from '../log/partition-log.ts'
import type { QueuedAppend } from './queued-append.ts'

export interface RequestQueueOptions {
  /** A request with at least so many bytes goes to its segments directly. */
  readonly directMinBytes: number
  /** What the requests of one round may add to a frame; a larger request goes to its segments directly. */
  readonly frameMaxBytes: number
}

/** What goes now. */
export interface TakenRequests {
  readonly inline: readonly QueuedAppend[]
  readonly large: readonly QueuedAppend[]
}

/** Of one group of direct appends, unless one request alone has more. */
const DIRECT_GROUP_MAX_BYTES = 16 * 1024 * 1024

/**
 * Requests that wait for a round, in the order of their arrival. A request never overtakes an earlier one that shares a
 * partition with it; others may.
 */
export class RequestQueue {
  readonly #options: RequestQueueOptions
  #requests: QueuedAppend[] = []
  #bytes = 0

  constructor(options: RequestQueueOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#requests.length === 0
  }

  get bytes(): number {
    return this.#bytes
  }

  push(request: QueuedAppend): void {
    this.#requests.push(request)
    this.#bytes += request.bytes
  }

  /** Returns what `take` gave, to the front. */
  putBack(requests: readonly QueuedAppend[]): void {
    this.#requests = [...requests, ...this.#requests]
    for (const request of requests) this.#bytes += request.bytes
  }

  /** Takes the requests out that match. */
  remove(matches: (request: QueuedAppend) => boolean): readonly QueuedAppend[] {
    const removed = this.#requests.filter(matches)
    this.#requests = this.#requests.filter((request) => !removed.includes(request))
    for (const request of removed) this.#bytes -= request.bytes
    return removed
  }

  /**
   * What may go into the next round, and what may start as a group of direct appends; the rest goes on waiting.
   *
   * @param isHeld whether the partition takes nothing now, as a direct append under way holds it
   * @param someHeld whether that may be so of any
   */
  take(isHeld: (log: PartitionLog) => boolean, directBusy: boolean, someHeld = directBusy): TakenRequests {
    if (!someHeld && this.#fitsOneRound()) return this.#takeAll()
    const taken = new Selection(this.#options, isHeld, directBusy)
    const rest = this.#requests.filter((request) => !taken.takes(request))
    this.#requests = rest
    this.#bytes = rest.reduce((sum, request) => sum + request.bytes, 0)
    return taken
  }

  /** The rule: nobody has to wait, so nobody can be overtaken. */
  #fitsOneRound(): boolean {
    let frameBytes = 0
    for (const request of this.#requests) {
      if (isLarge(request, this.#options)) return false
      frameBytes += request.frameBytes
    }
    return frameBytes <= this.#options.frameMaxBytes
  }

  #takeAll(): TakenRequests {
    const inline = this.#requests
    this.#requests = []
    this.#bytes = 0
    return { inline, large: [] }
  }
}

function isLarge(request: QueuedAppend, { directMinBytes, frameMaxBytes }: RequestQueueOptions): boolean {
  return request.bytes >= directMinBytes || request.frameBytes > frameMaxBytes
}

/** Which requests go now, asked in their order. */
class Selection {
  readonly inline: QueuedAppend[] = []
  readonly large: QueuedAppend[] = []
  readonly #options: RequestQueueOptions
  readonly #isHeld: (log: PartitionLog) => boolean
  readonly #directBusy: boolean
  /** Partitions that a request left behind waits for. */
  readonly #waitedFor = new Set<PartitionLog>()
  readonly #inlineLogs = new Set<PartitionLog>()
  readonly #largeLogs = new Set<PartitionLog>()
  #frameBytes = 0
  #largeBytes = 0
  #full = false

  constructor(options: RequestQueueOptions, isHeld: (log: PartitionLog) => boolean, directBusy: boolean) {
    this.#options = options
    this.#isHeld = isHeld
    this.#directBusy = directBusy
  }

  takes(request: QueuedAppend): boolean {
    if (
      this.#isFree(request) &&
      (isLarge(request, this.#options) ? this.#takeLarge(request) : this.#takeInline(request))
    ) {
      return true
    }
    for (const { log } of request.parts) this.#waitedFor.add(log)
    return false
  }

  #isFree(request: QueuedAppend): boolean {
    return request.parts.every(({ log }) => !this.#waitedFor.has(log) && !this.#isHeld(log))
  }

  #takeLarge(request: QueuedAppend): boolean {
    if (this.#directBusy || request.parts.some(({ log }) => this.#inlineLogs.has(log))) return false
    if (this.#largeBytes > 0 && this.#largeBytes + request.bytes > DIRECT_GROUP_MAX_BYTES) return false
    this.large.push(request)
    this.#largeBytes += request.bytes
    for (const { log } of request.parts) this.#largeLogs.add(log)
    return true
  }

  #takeInline(request: QueuedAppend): boolean {
    if (this.#full || request.parts.some(({ log }) => this.#largeLogs.has(log))) return false
    if (this.#frameBytes + request.frameBytes > this.#options.frameMaxBytes) {
      this.#full = true
      return false
    }
    this.inline.push(request)
    this.#frameBytes += request.frameBytes
    for (const { log } of request.parts) this.#inlineLogs.add(log)
    return true
  }
}

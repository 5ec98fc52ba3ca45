/** When each request of an open-loop load is to be sent, whatever became of those before it: evenly spaced. */
export class Schedule {
  /** All requests of the run. */
  readonly total: number
  /** The first request that counts; those before it warm up. */
  readonly firstMeasured: number
  readonly #perSecond: number

  constructor(perSecond: number, warmUpSeconds: number, seconds: number) {
    this.#perSecond = perSecond
    this.firstMeasured = Math.round(perSecond * warmUpSeconds)
    this.total = this.firstMeasured + Math.round(perSecond * seconds)
  }

  /** Milliseconds after the start at which this request is to be sent: its latency counts from there. */
  intendedMs(request: number): number {
    return (request * 1000) / this.#perSecond
  }

  /** How many requests should have been sent by then. */
  dueAt(elapsedMs: number): number {
    if (elapsedMs < 0) return 0
    return Math.min(this.total, Math.floor((elapsedMs * this.#perSecond) / 1000 + 1e-9) + 1)
  }
}

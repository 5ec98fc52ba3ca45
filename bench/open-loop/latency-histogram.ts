import { createHistogram } from 'node:perf_hooks'

export interface Latencies {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Latencies with three significant figures. */
export class LatencyHistogram {
  readonly #histogram = createHistogram({ figures: 3 })

  record(milliseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * 1000)))
  }

  latencies(): Latencies {
    const { count, max } = this.#histogram
    if (count === 0) return { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 }
    const percentile = (percent: number): number => this.#histogram.percentile(percent) / 1000
    return { count, p50Ms: percentile(50), p99Ms: percentile(99), maxMs: max / 1000 }
  }
}

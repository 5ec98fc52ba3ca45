import { metricDefinitions } from './metric-definitions.ts'

/** Upper bounds in milliseconds; one more bucket takes the rest. */
const boundsMs = Float64Array.of(0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000)

/**
 * The histogram of request durations by operation and status class. Written at every request, so its buckets are found
 * when an operation is registered and an answer costs three additions; prom-client looks them up by labels each time.
 */
export class RequestDurations {
  readonly #operations: { readonly operation: string; readonly classes: DurationBuckets[] }[] = []

  /** @returns what is to be told of each answer of the operation */
  operation(operation: string): (statusCode: number, durationMs: number) => void {
    let known = this.#operations.find((entry) => entry.operation === operation)
    if (known === undefined) {
      known = { operation, classes: Array.from({ length: 6 }, () => new DurationBuckets()) }
      this.#operations.push(known)
    }
    const { classes } = known
    return (statusCode, durationMs) => classes[Math.floor(statusCode / 100)]?.add(durationMs)
  }

  /** Prometheus' text format. */
  render(): string {
    const { name, help, type } = metricDefinitions.requestDuration
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
    for (const { operation, classes } of this.#operations) {
      classes.forEach((buckets, status) =>
        lines.push(...buckets.lines(name, `operation="${operation}",status="${status}xx"`)),
      )
    }
    return `${lines.join('\n')}\n`
  }
}

class DurationBuckets {
  readonly #counts = new Float64Array(boundsMs.length + 1)
  #sumMs = 0

  add(durationMs: number): void {
    let bucket = 0
    while (bucket < boundsMs.length && durationMs > boundsMs[bucket]!) bucket += 1
    this.#counts[bucket]! += 1
    this.#sumMs += durationMs
  }

  /** None before the first answer. */
  lines(name: string, labels: string): string[] {
    const total = this.#counts.reduce((sum, count) => sum + count, 0)
    if (total === 0) return []
    let atMost = 0
    const buckets = Array.from(boundsMs, (boundMs, index) => {
      atMost += this.#counts[index]!
      return `${name}_bucket{${labels},le="${boundMs / 1000}"} ${atMost}`
    })
    return [
      ...buckets,
      `${name}_bucket{${labels},le="+Inf"} ${total}`,
      `${name}_sum{${labels}} ${this.#sumMs / 1000}`,
      `${name}_count{${labels}} ${total}`,
    ]
  }
}

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type {
  CommitObserver,
  DirectoryStatistics,
  EngineStatistics,
  ScrubStatistics,
} from '../broker/engine-statistics.ts'
import type { HttpStatistics } from './http-statistics.ts'
import { RequestDurations } from './request-durations.ts'
import { metricDefinitions as definitions, type MetricDefinition } from './metric-definitions.ts'

/**
 * The figures behind `/metrics`, in a registry of their own. The hot paths only add to histograms; whatever the engine
 * counts itself is read from its statistics when somebody scrapes.
 */
export class Metrics implements CommitObserver {
  readonly #registry = new Registry()
  readonly #commitLatency: Histogram
  readonly #requestDurations = new RequestDurations()
  readonly #eventLoop: ReturnType<typeof monitorEventLoopDelay>
  readonly #statistics: () => EngineStatistics
  readonly #http: () => HttpStatistics

  /** Both are asked at each scrape. */
  constructor(statistics: () => EngineStatistics, http: () => HttpStatistics) {
    this.#statistics = statistics
    this.#http = http
    collectDefaultMetrics({ register: this.#registry })
    this.#commitLatency = this.#histogram(
      definitions.commitLatency,
      [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    )
    this.#eventLoop = monitorEventLoopDelay({ resolution: 10 })
    this.#eventLoop.enable()
    this.#collectDirectories()
    this.#collectTotals()
    this.#collectScrubs()
    this.#collectHttp()
    this.#collectEventLoop()
  }

  committed(latencyMs: number): void {
    this.#commitLatency.observe(latencyMs / 1000)
  }

  /**
   * @param operation the route's operationId; never a path, whose values are without bound
   * @returns what is to be told of each answer of the operation
   */
  operation(operation: string): (statusCode: number, durationMs: number) => void {
    return this.#requestDurations.operation(operation)
  }

  /** The page in Prometheus' text format. */
  async render(): Promise<{ readonly contentType: string; readonly body: string }> {
    const body = `${await this.#registry.metrics()}\n${this.#requestDurations.render()}`
    return { contentType: this.#registry.contentType, body }
  }

  close(): void {
    this.#eventLoop.disable()
  }

  #histogram(definition: MetricDefinition, buckets: number[]): Histogram {
    return new Histogram({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      buckets,
      registers: [this.#registry],
    })
  }

  #collectDirectories(): void {
    this.#directoryCounter(definitions.commitRounds, (directory) => directory.rounds)
    this.#directoryCounter(definitions.appendedBytes, (directory) => directory.appendedBytes)
    this.#directoryCounter(definitions.directBytes, (directory) => directory.directBytes)
    this.#directoryCounter(definitions.journalBytes, (directory) => directory.journalBytes)
    this.#directoryCounter(definitions.checkpoints, (directory) => directory.checkpoints)
    this.#directoryGauge(definitions.durableLagBytes, (directory) => directory.durableLagBytes)
    this.#directoryGauge(definitions.pendingBytes, (directory) => directory.pendingBytes)
    this.#directoryGauge(definitions.poisoned, (directory) => (directory.poisoned ? 1 : 0))
    this.#directoryGauge(definitions.online, (directory) => (directory.state === 'online' ? 1 : 0))
    this.#directoryGauge(definitions.freeBytes, (directory) => directory.freeBytes)
  }

  #collectTotals(): void {
    this.#gauge(definitions.fencedPartitions, (statistics) => statistics.fencedPartitions)
    this.#gauge(definitions.uncleanablePartitions, ({ keeping }) => keeping.uncleanablePartitions)
    this.#counter(definitions.removedSegments, ({ keeping }) => keeping.removedSegments)
    this.#counter(definitions.removedBytes, ({ keeping }) => keeping.removedBytes)
    this.#counter(definitions.cleanings, ({ keeping }) => keeping.cleanings)
    this.#counter(definitions.cleanedBytesRead, ({ keeping }) => keeping.cleanedBytesRead)
    this.#counter(definitions.cleanedBytesKept, ({ keeping }) => keeping.cleanedBytesKept)
    this.#gauge(definitions.openFiles, (statistics) => statistics.openFiles)
    this.#gauge(definitions.producerState, (statistics) => statistics.producerStateBytes)
    this.#gauge(definitions.topics, (statistics) => statistics.topicCount)
    this.#gauge(definitions.partitions, (statistics) => statistics.partitionCount)
  }

  #collectScrubs(): void {
    const scrubs = (): readonly ScrubStatistics[] => this.#statistics().scrubs ?? []
    const labelled = ({ name, help }: MetricDefinition) => {
      return { name, help, labelNames: ['directory'], registers: [this.#registry] }
    }
    new Counter({
      ...labelled(definitions.scrubbedBytes),
      collect() {
        this.reset()
        for (const { path, scrubbedBytes } of scrubs()) this.inc({ directory: path }, scrubbedBytes)
      },
    })
    new Gauge({
      ...labelled(definitions.scrubFindings),
      collect() {
        for (const { path, findings } of scrubs()) this.set({ directory: path }, findings)
      },
    })
    new Gauge({
      ...labelled(definitions.scrubLastPass),
      collect() {
        for (const { path, lastFullPassAt } of scrubs())
          this.set({ directory: path }, Math.max(0, lastFullPassAt) / 1000)
      },
    })
  }

  #collectHttp(): void {
    const http = this.#http
    this.#gauge(definitions.requestBytes, () => http().requestBytes)
    this.#gauge(definitions.replyBytes, () => http().replyBytes)
    const shed = (): Readonly<Record<string, number>> => ({ ...http().shed, ...this.#statistics().shed })
    new Counter({
      name: definitions.shed.name,
      help: definitions.shed.help,
      labelNames: ['reason'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [reason, count] of Object.entries(shed())) this.inc({ reason }, count)
      },
    })
  }

  #collectEventLoop(): void {
    const histogram = this.#eventLoop
    new Gauge({
      name: definitions.eventLoopDelay.name,
      help: definitions.eventLoopDelay.help,
      labelNames: [...definitions.eventLoopDelay.labels],
      registers: [this.#registry],
      collect() {
        for (const quantile of [50, 99])
          this.set({ quantile: `${quantile / 100}` }, histogram.percentile(quantile) / 1e9)
        this.set({ quantile: '1' }, histogram.max / 1e9)
        histogram.reset()
      },
    })
  }

  #gauge(definition: MetricDefinition, value: (statistics: EngineStatistics) => number): void {
    const statistics = this.#statistics
    new Gauge({
      name: definition.name,
      help: definition.help,
      registers: [this.#registry],
      collect() {
        this.set(value(statistics()))
      },
    })
  }

  #counter(definition: MetricDefinition, value: (statistics: EngineStatistics) => number): void {
    const statistics = this.#statistics
    new Counter({
      name: definition.name,
      help: definition.help,
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(value(statistics()))
      },
    })
  }

  #directoryGauge(definition: MetricDefinition, value: (directory: DirectoryStatistics) => number): void {
    const statistics = this.#statistics
    new Gauge({
      name: definition.name,
      help: definition.help,
      labelNames: ['directory'],
      registers: [this.#registry],
      collect() {
        for (const directory of statistics().directories) this.set({ directory: directory.path }, value(directory))
      },
    })
  }

  /** A counter whose count the engine keeps: set anew at each scrape. */
  #directoryCounter(definition: MetricDefinition, value: (directory: DirectoryStatistics) => number): void {
    const statistics = this.#statistics
    new Counter({
      name: definition.name,
      help: definition.help,
      labelNames: ['directory'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const directory of statistics().directories) this.inc({ directory: directory.path }, value(directory))
      },
    })
  }
}

import { readFileSync } from 'node:fs'
import { sum } from '../measure/statistics.ts'
import type { Load, LoadGenerator, LoadResult } from './load.ts'
import { streamLines } from './line-stream.ts'

/** A stream of lines a connection, each one request for the whole run; runs in the benchmark's own process. */
export class LineStreams implements LoadGenerator {
  readonly name = 'streams of lines'
  readonly #recordsPerRequest: number

  /** @param recordsPerRequest of the requests that the streams are compared with: so many records count for one */
  constructor(recordsPerRequest: number) {
    this.#recordsPerRequest = recordsPerRequest
  }

  async run({ origin, paths: [path = ''], connections, bodies }: Load, seconds: number): Promise<LoadResult> {
    const lines = readFileSync(bodies?.files[0] ?? '')
    const cpuBefore = process.cpuUsage()
    const began = performance.now()
    const end = began + seconds * 1000
    const streams = Array.from({ length: connections }, () =>
      streamLines(`${origin}${path}`, lines, () => performance.now() >= end),
    )
    const results = await Promise.all(streams)
    const tookMs = performance.now() - began
    const { user, system } = process.cpuUsage(cpuBefore)
    const records = sum(results.map(({ recordCount }) => recordCount))
    return {
      requests: records / this.#recordsPerRequest,
      seconds: tookMs / 1000,
      p50Ms: undefined,
      p99Ms: undefined,
      errors: 0,
      bytes: 0,
      generatorCpuSeconds: (user + system) / 1e6,
    }
  }
}

import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import type { Load, LoadGenerator, LoadResult } from './load.ts'

/** Runs in the benchmark's own process. Its latencies are whole milliseconds. */
export class Autocannon implements LoadGenerator {
  readonly name = 'autocannon'

  async run({ origin, paths, connections, body }: Load, seconds: number): Promise<LoadResult> {
    const headers = body === undefined ? {} : { 'content-type': body.contentType }
    const bytes = body === undefined ? undefined : readFileSync(body.file)
    const request = { method: body === undefined ? 'GET' : 'POST', headers, ...(bytes && { body: bytes }) } as const
    const cpuBefore = process.cpuUsage()
    const result = await autocannon({
      url: origin,
      connections,
      duration: seconds,
      timeout: 20,
      requests: paths.map((path) => ({ ...request, path })),
    })
    const { user, system } = process.cpuUsage(cpuBefore)
    return {
      requests: result.requests.total,
      seconds: result.duration,
      p50Ms: result.latency.p50,
      p99Ms: result.latency.p99,
      errors: result.errors + result.non2xx,
      bytes: result.throughput.total,
      generatorCpuSeconds: (user + system) / 1e6,
    }
  }
}

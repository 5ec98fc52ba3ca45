import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import { type Load, type LoadGenerator, type LoadRequest, type LoadResult, requestsOf } from './load.ts'

/** Runs in the benchmark's own process. Its latencies are whole milliseconds. */
export class Autocannon implements LoadGenerator {
  readonly name = 'autocannon'

  async run(load: Load, seconds: number): Promise<LoadResult> {
    const requests = requestsOf(load).map((request) => requestOptions(request, load.bodies?.contentType))
    const cpuBefore = process.cpuUsage()
    const result = await autocannon({
      url: load.origin,
      connections: load.connections,
      duration: seconds,
      timeout: 20,
      requests,
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

function requestOptions({ path, file }: LoadRequest, contentType = '') {
  if (file === undefined) return { method: 'GET', path } as const
  return { method: 'POST', path, headers: { 'content-type': contentType }, body: readFileSync(file) } as const
}

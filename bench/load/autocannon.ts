import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import { median, sum } from '../measure/statistics.ts'
import { type Load, type LoadGenerator, type LoadRequest, type LoadResult, requestsOf } from './load.ts'

type Headers = () => Record<string, string>

/** Runs in the benchmark's own process. Its latencies are whole milliseconds. */
export class Autocannon implements LoadGenerator {
  readonly name = 'autocannon'
  #runs = 0

  async run(load: Load, seconds: number): Promise<LoadResult> {
    const run = ++this.#runs
    // Where connections are told apart each is a run of its own: autocannon does not tell which connection asks.
    const apart = load.identity === undefined ? 1 : load.connections
    const cpuBefore = process.cpuUsage()
    const results = await Promise.all(
      Array.from({ length: apart }, (_, index) => {
        const moreHeaders = identityHeaders(load, `autocannon-${process.pid}-${run}-${index}`)
        return autocannon({
          url: load.origin,
          connections: load.connections / apart,
          duration: seconds,
          timeout: 20,
          requests: requestsOf(load).map((request) => requestOptions(request, load.bodies?.contentType, moreHeaders)),
        })
      }),
    )
    const { user, system } = process.cpuUsage(cpuBefore)
    return {
      requests: sum(results.map(({ requests }) => requests.total)),
      seconds: Math.max(...results.map(({ duration }) => duration)),
      p50Ms: median(results.map(({ latency }) => latency.p50)),
      p99Ms: Math.max(...results.map(({ latency }) => latency.p99)),
      errors: sum(results.map(({ errors, non2xx }) => errors + non2xx)),
      bytes: sum(results.map(({ throughput }) => throughput.total)),
      generatorCpuSeconds: (user + system) / 1e6,
    }
  }
}

function identityHeaders({ identity }: Load, name: string): Headers | undefined {
  let sequence = 0
  if (identity === 'sequence') return () => ({ 'producer-id': name, 'producer-sequence': String(sequence++) })
  if (identity === 'key') return () => ({ 'idempotency-key': `${name}/${sequence++}` })
  return undefined
}

function requestOptions({ path, file }: LoadRequest, contentType = '', moreHeaders?: Headers): autocannon.Request {
  if (file === undefined) return { method: 'GET', path }
  const post: autocannon.Request = {
    method: 'POST',
    path,
    headers: { 'content-type': contentType },
    body: readFileSync(file),
  }
  if (moreHeaders === undefined) return post
  return { ...post, setupRequest: (request) => ({ ...request, headers: { ...request.headers, ...moreHeaders() } }) }
}

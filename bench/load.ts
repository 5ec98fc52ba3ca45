import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import autocannon from 'autocannon'

const run = promisify(execFile)

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Failed or refused requests: a row with any is not a figure. */
  readonly errors: number
  readonly bytesPerSecond: number
}

export interface Load {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** The file to POST; a GET without one. */
  readonly bodyFile?: string
}

export async function hasWrk(): Promise<boolean> {
  return run('wrk', ['-v']).then(
    () => true,
    (error: unknown) => error instanceof Error && !('code' in error && error.code === 'ENOENT'),
  )
}

/** Closed-loop load: every connection sends its next request when the last one was answered. */
export async function generateLoad(load: Load, wrk: boolean): Promise<LoadResult> {
  return wrk ? await withWrk(load) : await withAutocannon(load)
}

async function withWrk({ url, connections, seconds, bodyFile }: Load): Promise<LoadResult> {
  const script = fileURLToPath(new URL(bodyFile === undefined ? './get.lua' : './post.lua', import.meta.url))
  const threads = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '20s']
  const { stdout } = await run('wrk', [
    ...threads,
    '-s',
    script,
    url,
    '--',
    ...(bodyFile === undefined ? [] : [bodyFile]),
  ])
  const numbers = /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout)?.slice(1).map(Number)
  if (!numbers) throw new Error(`wrk said:\n${stdout}`)
  const [requests = 0, durationUs = 1, p50Us = 0, p99Us = 0, errors = 0, bytes = 0] = numbers
  const elapsedSeconds = durationUs / 1e6
  return {
    requestsPerSecond: requests / elapsedSeconds,
    p50Ms: p50Us / 1000,
    p99Ms: p99Us / 1000,
    errors,
    bytesPerSecond: bytes / elapsedSeconds,
  }
}

async function withAutocannon({ url, connections, seconds, bodyFile }: Load): Promise<LoadResult> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    ...(bodyFile === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: readFileSync(bodyFile) }),
  })
  return {
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.non2xx,
    bytesPerSecond: result.throughput.average,
  }
}

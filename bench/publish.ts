import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeBody, writeReply } from './bodies.ts'
import { generateLoad, type LoadResult } from './load.ts'
import { cpuSeconds, residentMiB, startBaseline, startPosthorn } from './measured-process.ts'
import { median, type Row } from './table.ts'

export interface BenchOptions {
  readonly folder: string
  readonly seconds: number
  readonly repeats: number
  readonly connections: number
  readonly wrk: boolean
}

interface Run extends LoadResult {
  readonly cpu: number
  readonly rssMiB: number
}

/** Publishing so many records a request, against the baseline that takes the same body: A B A B …, medians. */
export async function benchPublish(recordCount: number, options: BenchOptions): Promise<Row[]> {
  const bodyFile = writeBody(options.folder, recordCount)
  const replyFile = await sampleReply(recordCount, bodyFile, options)
  const ours: Run[] = []
  const theirs: Run[] = []
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    theirs.push(await runBaseline(bodyFile, replyFile, options))
    ours.push(await runPosthorn(bodyFile, options))
  }
  const ratio = median(ours.map((run, index) => run.requestsPerSecond / (theirs[index]?.requestsPerSecond ?? 1)))
  return [row(`publish ${recordCount}/request`, recordCount, ours, ratio), row('  no-op Fastify', recordCount, theirs)]
}

function row(work: string, recordCount: number, runs: readonly Run[], ratio?: number): Row {
  const requests = median(runs.map((run) => run.requestsPerSecond))
  const spread = runs.map((run) => run.requestsPerSecond)
  return {
    work,
    requestsPerSecond: requests,
    spreadPercent: ((Math.max(...spread) - Math.min(...spread)) / requests) * 100,
    recordsPerSecond: requests * recordCount,
    megabytesPerSecond: (requests * recordCount * 100) / 1e6,
    p50Ms: median(runs.map((run) => run.p50Ms)),
    p99Ms: median(runs.map((run) => run.p99Ms)),
    cpu: median(runs.map((run) => run.cpu)),
    rssMiB: Math.max(...runs.map((run) => run.rssMiB)),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
    ...(ratio === undefined ? {} : { ratio }),
  }
}

async function runPosthorn(bodyFile: string, options: BenchOptions): Promise<Run> {
  const dataDirectory = join(options.folder, 'data')
  rmSync(dataDirectory, { recursive: true, force: true })
  mkdirSync(dataDirectory)
  const server = await startPosthorn(dataDirectory, ['num.partitions=6'])
  try {
    return await measure(server.pid, `${server.url}/topics/bench/records`, bodyFile, options)
  } finally {
    await server.stop()
  }
}

async function runBaseline(bodyFile: string, replyFile: string, options: BenchOptions): Promise<Run> {
  const server = await startBaseline(replyFile)
  try {
    return await measure(server.pid, `${server.url}/topics/bench/records`, bodyFile, options)
  } finally {
    await server.stop()
  }
}

async function measure(pid: number, url: string, bodyFile: string, options: BenchOptions): Promise<Run> {
  await generateLoad({ url, bodyFile, connections: options.connections, seconds: 2 }, options.wrk)
  const cpuBefore = cpuSeconds(pid)
  const result = await generateLoad(
    { url, bodyFile, connections: options.connections, seconds: options.seconds },
    options.wrk,
  )
  return { ...result, cpu: (cpuSeconds(pid) - cpuBefore) / options.seconds, rssMiB: residentMiB(pid) }
}

/** What the server answers to this body: the baseline sends the same number of bytes. */
async function sampleReply(recordCount: number, bodyFile: string, options: BenchOptions): Promise<string> {
  const dataDirectory = join(options.folder, 'sample')
  mkdirSync(dataDirectory, { recursive: true })
  const server = await startPosthorn(dataDirectory, ['num.partitions=6'])
  try {
    const response = await fetch(`${server.url}/topics/bench/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: readFileSync(bodyFile),
    })
    const reply = await response.text()
    if (response.status !== 200) throw new Error(`the server refused the body: ${reply}`)
    return writeReply(options.folder, recordCount, reply)
  } finally {
    await server.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeBody } from './bodies.ts'
import { generateLoad } from './load.ts'
import { cpuSeconds, residentMiB, startPosthorn } from './measured-process.ts'
import type { BenchOptions } from './publish.ts'
import { median, type Row } from './table.ts'

const RECORDS = 200_000
const PAGE = 1000

/** Pages of 1000 records of one partition as JSON: from memory (the newest), and from the segment's file. */
export async function benchRead(options: BenchOptions): Promise<Row[]> {
  const dataDirectory = join(options.folder, 'data')
  rmSync(dataDirectory, { recursive: true, force: true })
  mkdirSync(dataDirectory)
  const filled = await startPosthorn(dataDirectory, ['num.partitions=1'])
  const body = readFileSync(writeBody(options.folder, PAGE))
  for (let sent = 0; sent < RECORDS; sent += PAGE) await publish(filled.url, body)
  const newest = await readRow('read 1000/page, newest, JSON', filled, RECORDS - PAGE, options)
  await filled.stop()
  const restarted = await startPosthorn(dataDirectory)
  const oldest = await readRow('read 1000/page, from its file, JSON', restarted, RECORDS / 2, options)
  await restarted.stop()
  return [newest, oldest]
}

async function publish(url: string, body: Buffer<ArrayBuffer>): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/topics/bench/records`, { method: 'POST', headers, body })
  if (response.status !== 200) throw new Error(await response.text())
  await response.arrayBuffer()
}

async function readRow(
  work: string,
  server: { readonly url: string; readonly pid: number },
  offset: number,
  options: BenchOptions,
): Promise<Row> {
  const url = `${server.url}/topics/bench/partitions/0/records?offset=${offset}&maxRecords=${PAGE}`
  const page = (await (await fetch(url)).json()) as { records: unknown[] }
  if (page.records.length !== PAGE) throw new Error(`the page has ${page.records.length} records`)
  await generateLoad({ url, connections: 8, seconds: 1 }, options.wrk)
  const cpuBefore = cpuSeconds(server.pid)
  const runs = []
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    runs.push(await generateLoad({ url, connections: 8, seconds: options.seconds }, options.wrk))
  }
  const requestsPerSecond = median(runs.map((run) => run.requestsPerSecond))
  return {
    work,
    requestsPerSecond,
    recordsPerSecond: requestsPerSecond * PAGE,
    megabytesPerSecond: median(runs.map((run) => run.bytesPerSecond)) / 1e6,
    p50Ms: median(runs.map((run) => run.p50Ms)),
    p99Ms: median(runs.map((run) => run.p99Ms)),
    cpu: (cpuSeconds(server.pid) - cpuBefore) / (options.seconds * options.repeats),
    rssMiB: residentMiB(server.pid),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
  }
}

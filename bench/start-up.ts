import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startPosthorn } from './measured-process.ts'
import type { BenchOptions } from './publish.ts'
import { median, type Row } from './table.ts'

const TOPICS = 100
const PARTITIONS_EACH = 10

/** From spawn to the line that says ready: an empty directory, and 1,000 partitions after a clean stop. */
export async function benchStartUp(options: BenchOptions): Promise<Row[]> {
  const dataDirectory = join(options.folder, 'data')
  const empty: number[] = []
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    rmSync(dataDirectory, { recursive: true, force: true })
    mkdirSync(dataDirectory)
    empty.push(await timedStart(dataDirectory))
  }
  await fill(dataDirectory)
  const clean: number[] = []
  for (let repeat = 0; repeat < options.repeats; repeat++) clean.push(await timedStart(dataDirectory))
  return [
    { work: 'start, empty', milliseconds: median(empty) },
    { work: 'start, 1,000 partitions, clean', milliseconds: median(clean) },
  ]
}

async function timedStart(dataDirectory: string): Promise<number> {
  const started = performance.now()
  const server = await startPosthorn(dataDirectory)
  const milliseconds = performance.now() - started
  await server.stop()
  return milliseconds
}

/** Every partition holds a record, so that none is trivially empty. */
async function fill(dataDirectory: string): Promise<void> {
  const server = await startPosthorn(dataDirectory)
  const headers = { 'content-type': 'application/json' }
  const send = async (method: string, path: string, body: unknown): Promise<void> => {
    const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(await response.text())
    await response.arrayBuffer()
  }
  for (let topic = 0; topic < TOPICS; topic++) {
    await send('PUT', `/topics/topic-${topic}`, { partitions: PARTITIONS_EACH })
    const records = Array.from({ length: PARTITIONS_EACH }, (_, partition) => ({ partition, value: 'first' }))
    await send('POST', `/topics/topic-${topic}/records`, { records })
  }
  await server.stop()
}

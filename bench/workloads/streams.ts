import { fileURLToPath } from 'node:url'
import { atMostP99Latency, judged } from '../goals.ts'
import { openLoop } from '../measure/open-loop.ts'
import { cpuSeconds, residentMiB } from '../measure/process-figures.ts'
import type { StreamReadersLoad, StreamReadersResult } from '../open-loop/stream-readers.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { createTopic, freshDirectory } from './publishing.ts'

const program = fileURLToPath(new URL('../open-loop/stream-readers.ts', import.meta.url))
const READERS = 1000
const RATES = [100, 1000]
const goal = atMostP99Latency(250)

export const streamsPart: Part = {
  name: 'streams',
  about: 'server-sent events: 1,000 readers of one topic at 100 and at 1,000 records/s',
  async *run(context) {
    for (const rate of RATES) yield await readers(rate, context)
  },
}

async function readers(requestsPerSecond: number, context: PartContext): Promise<Row> {
  const { burstSeconds, repeats, quick } = context.options
  const rate = requestsPerSecond.toLocaleString('en')
  context.progress(`${READERS} readers of a stream, ${rate} records/s`)
  const server = await context.servers.posthorn(`streams ${rate}`, freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', 1)
  server.loadBegins()
  const load: StreamReadersLoad = {
    origin: server.url,
    path: '/topics/bench/stream?from=earliest',
    readers: READERS,
    requestsPerSecond,
    warmUpSeconds: 2,
    seconds: quick ? 4 : burstSeconds * repeats,
  }
  const child = context.children.startWithInput('stream readers', [process.execPath, program, JSON.stringify(load)])
  const said = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const text = pattern.exec(child.stdout)?.[0]
        if (text !== undefined) resolve(text)
      }
      child.onStdout(look)
      look()
      void child.ended.then(() => reject(child.endError()))
    })
  await said(/^ready$/m)
  const cpuBefore = cpuSeconds(server.pid)
  const published = await openLoop(context.children, {
    ...load,
    path: '/topics/bench/records',
    connections: 16,
    publish: { kind: 'numbered', recordsPerRequest: 1, consumer: undefined },
  })
  child.write(`${published.beganMs}\n`)
  const result = JSON.parse(await said(/^\{.*\}$/m)) as StreamReadersResult
  const cpu = cpuSeconds(server.pid)
  server.assertAlive()
  const seconds = load.warmUpSeconds + load.seconds
  const row: Row = {
    work: `1,000 readers of a stream, ${rate} records/s: publish → reader`,
    partitions: 1,
    requestsPerSecond: published.requests / published.seconds,
    recordsPerSecond: result.delivered / seconds,
    p50Ms: result.latencies.p50Ms,
    p99Ms: result.latencies.p99Ms,
    maxMs: result.latencies.maxMs,
    ...(cpu && cpuBefore && { serverCores: (cpu.allThreads - cpuBefore.allThreads) / seconds }),
    generatorCores: result.cpuSeconds / seconds,
    rssMiB: residentMiB(server.pid),
    errors: published.errors + result.missing,
  }
  await server.stop()
  return judged(row, requestsPerSecond === 1000 ? goal : undefined)
}

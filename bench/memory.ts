import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeBody } from './bodies.ts'
import { generateLoad } from './load.ts'
import { residentMiB, startPosthorn } from './measured-process.ts'
import type { BenchOptions } from './publish.ts'
import type { Row } from './table.ts'

/** Resident memory while the log grows by so many GiB, in requests of 1000 records to 6 partitions: a row a GiB. */
export async function benchMemory(gibibytes: number, options: BenchOptions): Promise<Row[]> {
  const dataDirectory = join(options.folder, 'data')
  rmSync(dataDirectory, { recursive: true, force: true })
  mkdirSync(dataDirectory)
  const bodyFile = writeBody(options.folder, 1000)
  const server = await startPosthorn(dataDirectory, ['num.partitions=6'])
  const rows: Row[] = []
  let peakMiB = 0
  try {
    for (let next = 1; next <= gibibytes;) {
      await generateLoad(
        { url: `${server.url}/topics/bench/records`, bodyFile, connections: options.connections, seconds: 2 },
        options.wrk,
      )
      peakMiB = Math.max(peakMiB, residentMiB(server.pid))
      if ((await logBytes(server.url)) < next * 1024 ** 3) continue
      rows.push({ work: `memory at ${next} GiB of log`, rssMiB: peakMiB })
      next++
    }
  } finally {
    await server.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
  return rows
}

async function logBytes(url: string): Promise<number> {
  const page = (await (await fetch(`${url}/topics/bench/partitions`)).json()) as { items: { sizeBytes: number }[] }
  return page.items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

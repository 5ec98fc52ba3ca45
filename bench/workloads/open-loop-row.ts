import { residentMiB } from '../measure/process-figures.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import type { OpenLoopResult } from '../open-loop/open-loop-load.ts'
import type { Row } from '../row.ts'

/** The columns of an open-loop run. */
export function openLoopRow(
  server: MeasuredServer,
  { requests, seconds, errors, latencies, cpuSeconds }: OpenLoopResult,
  recordsPerRequest: number,
): Omit<Row, 'work'> {
  server.assertAlive()
  const requestsPerSecond = requests / seconds
  return {
    requestsPerSecond,
    recordsPerSecond: requestsPerSecond * recordsPerRequest,
    p50Ms: latencies.p50Ms,
    p99Ms: latencies.p99Ms,
    maxMs: latencies.maxMs,
    generatorCores: cpuSeconds / seconds,
    rssMiB: residentMiB(server.pid),
    errors,
  }
}

import type { Load, LoadGenerator, LoadResult } from '../load/load.ts'
import type { PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { assertFreeSpace, gibWrittenBy } from './free-space.ts'
import { cpuSeconds, residentMiB } from './process-figures.ts'
import type { MeasuredServer } from './servers.ts'
import { median, medianKnown, type Ratio, ratioOfNeighbours, spreadPercent, sum, sumKnown } from './statistics.ts'

/** A server and the load that it gets. Several contenders may share a server. */
export interface Contender {
  readonly server: MeasuredServer
  readonly load: Load
  /** Where it is not the one of the run. */
  readonly generator?: LoadGenerator
}

/** A short run of one contender. What the system does not tell is undefined. */
export interface Burst extends LoadResult {
  readonly serverCpuSeconds: number | undefined
  readonly mainThreadCpuSeconds: number | undefined
  readonly rssMiB: number | undefined
}

/**
 * Short bursts in turn, A B B A A B …, while all servers are up: a machine that is slower for a while is so for all of
 * them, so that ratios of neighbours hold where the figures themselves wander. Burst i of each is of the same round.
 */
export async function interleave(contenders: readonly Contender[], context: PartContext): Promise<Burst[][]> {
  const { repeats, burstSeconds, warmUpSeconds } = context.options
  const loads = contenders.map(({ load }) => load)
  assertFreeSpace(context.folder, gibWrittenBy(loads, warmUpSeconds + repeats * burstSeconds))
  for (const { load, generator = context.generator } of contenders) await generator.run(load, warmUpSeconds)
  for (const { server } of contenders) server.loadBegins()
  const bursts: Burst[][] = contenders.map(() => [])
  for (let round = 0; round < repeats; round++) {
    const order = contenders.map((contender, index) => ({ contender, index }))
    if (round % 2 === 1) order.reverse()
    for (const { contender, index } of order) bursts[index]?.push(await burst(contender, burstSeconds, context))
  }
  return bursts
}

export async function burst(contender: Contender, seconds: number, context: PartContext): Promise<Burst> {
  const { server, load, generator = context.generator } = contender
  const before = cpuSeconds(server.pid)
  const result = await generator.run(load, seconds)
  server.assertAlive()
  const after = cpuSeconds(server.pid)
  const known = before !== undefined && after !== undefined
  return {
    ...result,
    serverCpuSeconds: known ? after.allThreads - before.allThreads : undefined,
    mainThreadCpuSeconds: known ? after.mainThread - before.mainThread : undefined,
    rssMiB: residentMiB(server.pid),
  }
}

export function rates(bursts: readonly Burst[]): number[] {
  return bursts.map(({ requests, seconds }) => requests / seconds)
}

/** The ratio of the rates of neighbours; undefined if any of the requests failed, because it would be no figure. */
export function ratioOfRates(ours: readonly Burst[], theirs: readonly Burst[], to: string): Ratio | undefined {
  const failed = [...ours, ...theirs].some(({ errors }) => errors > 0)
  return failed ? undefined : ratioOfNeighbours(rates(ours), rates(theirs), to)
}

/** The columns that any closed-loop load has: medians of the bursts; CPU over all of them; the largest RSS. */
export function figures(bursts: readonly Burst[]): Omit<Row, 'work'> {
  const requests = sum(bursts.map((one) => one.requests))
  const seconds = sum(bursts.map((one) => one.seconds))
  const serverCpu = sumKnown(bursts.map((one) => one.serverCpuSeconds))
  const mainCpu = sumKnown(bursts.map((one) => one.mainThreadCpuSeconds))
  const generatorCpu = sumKnown(bursts.map((one) => one.generatorCpuSeconds))
  const rss = bursts.flatMap((one) => one.rssMiB ?? [])
  return {
    requestsPerSecond: median(rates(bursts)),
    spreadPercent: bursts.length > 1 ? spreadPercent(rates(bursts)) : undefined,
    p50Ms: medianKnown(bursts.map((one) => one.p50Ms)),
    p99Ms: medianKnown(bursts.map((one) => one.p99Ms)),
    serverCores: serverCpu && serverCpu / seconds,
    generatorCores: generatorCpu && generatorCpu / seconds,
    mainThreadUs: mainCpu && (mainCpu * 1e6) / requests,
    serverUs: serverCpu && (serverCpu * 1e6) / requests,
    rssMiB: rss.length === 0 ? undefined : Math.max(...rss),
    errors: sum(bursts.map((one) => one.errors)),
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { atMostLatency, atMostMilliseconds, atMostRssMiB, judged } from '../goals.ts'
import { openLoop } from '../measure/open-loop.ts'
import { cpuSeconds, exactCpuMs, residentMiB } from '../measure/process-figures.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import { median } from '../measure/statistics.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { BenchMember } from './bench-members.ts'
import { openLoopRow } from './open-loop-row.ts'
import { createTopic, freshDirectory } from './publishing.ts'

const IDLE_POLLS = 1000
const IDLE_GROUPS = 100
const MEMBERS = 100
const REBALANCED_PARTITIONS = 1000
const REQUESTS_PER_SECOND = 1000
const CONNECTIONS = 64
/** Time for what is left of joining, and for the garbage of it. */
const SETTLING_MS = 3000

export const groupsPart: Part = {
  name: 'groups',
  about: 'members of consumer groups: publish → long poll, 1,000 that wait, a member more in a group of 99',
  async *run(context) {
    yield await memberLatency(context)
    yield await idlePolls(context)
    yield* rebalance(context)
  },
}

/** From the moment a record was to be sent until the member has it, which commits all the while. */
async function memberLatency(context: PartContext): Promise<Row> {
  const { burstSeconds, warmUpSeconds, repeats } = context.options
  context.progress('1,000 records/s to a member that commits')
  const server = await context.servers.posthorn('member latency', freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', 1)
  server.loadBegins()
  const result = await openLoop(context.children, {
    origin: server.url,
    path: '/topics/bench/records',
    requestsPerSecond: REQUESTS_PER_SECOND,
    warmUpSeconds: warmUpSeconds + 1,
    seconds: burstSeconds * repeats,
    connections: CONNECTIONS,
    publish: {
      kind: 'numbered',
      recordsPerRequest: 1,
      consumer: { kind: 'member', group: 'bench', topic: 'bench' },
    },
  })
  const row = openLoopRow(server, result, 1)
  await server.stop()
  return judged(
    { work: 'publish → long poll of a member, 1,000 records/s', partitions: 1, ...row },
    atMostLatency(2, 15),
  )
}

/** What 1,000 connections with a waiting poll each cost, compared to the server without them. */
async function idlePolls(context: PartContext): Promise<Row> {
  context.progress(`${IDLE_POLLS} members that wait`)
  const server = await context.servers.posthorn('idle polls', freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', IDLE_POLLS / IDLE_GROUPS)
  await warmUp(server)
  await sleep(SETTLING_MS)
  const before = residentMiB(server.pid)
  const members = await Promise.all(
    Array.from({ length: IDLE_POLLS }, (_, index) =>
      BenchMember.open(server.url, `group-${index % IDLE_GROUPS}`, `member-${index}`),
    ),
  )
  for (const member of members) await member.join('bench')
  const polling = Promise.allSettled(members.map((member) => member.follow()))
  await sleep(SETTLING_MS)
  const cpuBefore = cpuSeconds(server.pid)?.allThreads
  const seconds = context.options.quick ? 5 : 20
  await sleep(seconds * 1000)
  const cpu = cpuSeconds(server.pid)?.allThreads
  const after = residentMiB(server.pid)
  for (const member of members) member.close()
  await polling
  await server.stop()
  const row: Row = {
    work: '1,000 waiting polls of 100 groups: memory and CPU that they cost',
    partitions: IDLE_POLLS / IDLE_GROUPS,
    ...(after !== undefined && before !== undefined && { rssMiB: after - before }),
    ...(cpu !== undefined && cpuBefore !== undefined && { serverCores: (cpu - cpuBefore) / seconds }),
  }
  return judged(row, atMostRssMiB(50))
}

/** A server that has worked: code is compiled, and the heap has the size that 10,000 polls without a wait give it. */
async function warmUp(server: MeasuredServer): Promise<void> {
  const members = await Promise.all(
    Array.from({ length: 100 }, (_, index) => BenchMember.open(server.url, 'warm-up', `member-${index}`)),
  )
  for (const member of members) await member.join('bench')
  for (let round = 0; round < 100; round++) await Promise.all(members.map((member) => member.poll(0)))
  for (const member of members) await member.leave()
}

/** A member comes to 99, and goes again: CPU of the server until each has followed, their requests included. */
async function* rebalance(context: PartContext): AsyncGenerator<Row> {
  context.progress(`${MEMBERS} members, ${REBALANCED_PARTITIONS} partitions`)
  const server = await context.servers.posthorn('rebalance', freshDirectory(context, 'data'))
  await createTopic(server.url, 'bench', REBALANCED_PARTITIONS)
  const members: BenchMember[] = []
  for (let index = 0; index < MEMBERS - 1; index++) {
    const member = await BenchMember.open(server.url, 'bench', `member-${index}`)
    await member.join('bench')
    void member.follow().catch(() => undefined)
    members.push(member)
  }
  await untilEven(members)
  const coming: Cost[] = []
  const going: Cost[] = []
  server.loadBegins()
  for (let round = 0; round < (context.options.quick ? 3 : 10); round++) {
    const newcomer = await BenchMember.open(server.url, 'bench', 'newcomer')
    await sleep(500)
    coming.push(
      await costOf(server, async () => {
        await newcomer.join('bench')
        void newcomer.follow().catch(() => undefined)
        await untilEven([...members, newcomer])
      }),
    )
    await sleep(500)
    // Its poll holds its connection.
    const leaver = await BenchMember.open(server.url, 'bench', 'newcomer')
    going.push(
      await costOf(server, async () => {
        await leaver.leave()
        await untilEven(members)
      }),
    )
    newcomer.close()
  }
  for (const member of members) member.close()
  await server.stop()
  const size = { partitions: REBALANCED_PARTITIONS }
  for (const [work, costs] of [
    ['the 100th member comes', coming],
    ['the 100th member goes', going],
  ] as const) {
    yield judged(
      { work: `${work}: server CPU`, ...size, milliseconds: median(costs.map(({ cpuMs }) => cpuMs)) },
      atMostMilliseconds(50),
    )
    yield { work: `${work}: until all have followed`, ...size, milliseconds: median(costs.map(({ tookMs }) => tookMs)) }
  }
}

interface Cost {
  readonly cpuMs: number
  readonly tookMs: number
}

async function costOf(server: MeasuredServer, work: () => Promise<void>): Promise<Cost> {
  const before = exactCpuMs(server.pid) ?? NaN
  const began = performance.now()
  await work()
  const tookMs = performance.now() - began
  // The last replies are out before the server has finished with them.
  await sleep(50)
  return { cpuMs: (exactCpuMs(server.pid) ?? NaN) - before, tookMs }
}

/** All partitions are owned, by all members alike. */
async function untilEven(members: readonly BenchMember[]): Promise<void> {
  const fewest = Math.floor(REBALANCED_PARTITIONS / members.length)
  const deadline = performance.now() + 60_000
  const even = (): boolean =>
    members.every(({ owned }) => owned === fewest || owned === fewest + 1) &&
    members.reduce((sum, { owned }) => sum + owned, 0) === REBALANCED_PARTITIONS
  while (!even()) {
    if (performance.now() > deadline) throw new Error('the partitions were not shared out within a minute')
    await sleep(2)
  }
}

import { atLeastMegabytesPerSecond, judged } from '../goals.ts'
import { openLoop } from '../measure/open-loop.ts'
import { forgetPeak, peakResidentMiB, residentMiB } from '../measure/process-figures.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row, Verdict } from '../row.ts'
import { openLoopRow } from './open-loop-row.ts'
import { createTopic, freshDirectory, jsonLoad } from './publishing.ts'

const RECORDS_PER_REQUEST = 5000
const KEYS = 1_000_000
const VALUE = 'v'.repeat(76)
const REQUESTS_PER_SECOND = 1000
const CONNECTIONS = 64
const POLL_MS = 50
/** Of the resident set, while a partition is compacted. */
const GROWTH_MAX_MIB = 160
const P99_RATIO_MAX = 2
const speedGoal = atLeastMegabytesPerSecond(100)
/** Rounds begin at once; they are timed from the change of the policy on. */
const settings = ['log.cleaner.backoff.ms=100']

interface CompactedPartition {
  readonly sizeBytes: number
  readonly compaction?: { readonly cleanedAt: number; readonly bytesRead: number }
}

export const keepingPart: Part = {
  name: 'keeping',
  about: 'compaction of a log of 1,000,000 keys alone, and what publishing feels of it',
  async *run(context) {
    const records = context.options.quick ? 2_000_000 : 10_000_000
    yield await alone(records, context)
    yield* await besidePublishing(records, context)
  },
}

async function alone(records: number, context: PartContext): Promise<Row> {
  const server = await filledServer(records, context)
  const before = residentMiB(server.pid) ?? 0
  forgetPeak(server.pid)
  context.progress('compacting')
  const { bytesRead, milliseconds } = await compact(server)
  const growthMiB = (peakResidentMiB(server.pid) ?? before) - before
  await server.stop()
  const work = `compaction of ${records.toLocaleString('en')} records, resident set + ${growthMiB.toFixed(0)} MiB`
  const row = judged(
    { work, partitions: 1, megabytesPerSecond: bytesRead / 1000 / milliseconds, milliseconds },
    speedGoal,
  )
  const { goal, met } = row.mustReach ?? { goal: '', met: true }
  return { ...row, mustReach: { goal: `${goal}, + ${GROWTH_MAX_MIB} MiB`, met: met && growthMiB <= GROWTH_MAX_MIB } }
}

async function besidePublishing(records: number, context: PartContext): Promise<Row[]> {
  const server = await filledServer(records, context)
  await createTopic(server.url, 'small', 1)
  context.progress(`${REQUESTS_PER_SECOND} requests/s without compaction`)
  const without = await publishOne(server, context, 'without compaction')
  context.progress(`${REQUESTS_PER_SECOND} requests/s during compaction`)
  const compacting = compact(server)
  const during = await publishOne(server, context, 'during compaction')
  await compacting
  await server.stop()
  return [without, { ...during, mustReach: comparedP99(without, during) }]
}

function comparedP99(without: Row, during: Row): Verdict {
  const ratio = (during.p99Ms ?? Infinity) / (without.p99Ms ?? 0)
  return { goal: `p99 ≤ ${P99_RATIO_MAX} × without (${ratio.toFixed(2)} ×)`, met: ratio <= P99_RATIO_MAX }
}

async function publishOne(server: MeasuredServer, context: PartContext, when: string): Promise<Row> {
  const load = jsonLoad(context, server.url, 1, ['small'])
  const result = await openLoop(context.children, {
    origin: server.url,
    path: load.paths[0] ?? '',
    requestsPerSecond: REQUESTS_PER_SECOND,
    warmUpSeconds: 1,
    seconds: context.options.burstSeconds * context.options.repeats,
    connections: CONNECTIONS,
    publish: { kind: 'files', files: load.bodies?.files ?? [], contentType: load.bodies?.contentType ?? '' },
  })
  return { work: `publish 1/request, 1,000/s, ${when}`, partitions: 1, ...openLoopRow(server, result, 1) }
}

/** Publishes so many records of random keys to one partition, in segments that compaction merges. */
async function filledServer(records: number, context: PartContext): Promise<MeasuredServer> {
  const server = await context.servers.posthorn('keeping', freshDirectory(context, 'data'), settings)
  await createTopic(server.url, 'bench', 1)
  await alter(server, { 'segment.bytes': 64 * 1024 * 1024 })
  let sent = 0
  let state = 1
  const body = (): string => {
    const texts = Array.from({ length: RECORDS_PER_REQUEST }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return `{"key":"user-${String((state >>> 4) % KEYS).padStart(7, '0')}","value":"${VALUE}"}`
    })
    return `{"records":[${texts.join(',')}]}`
  }
  const send = async (): Promise<void> => {
    while (sent < records) {
      sent += RECORDS_PER_REQUEST
      if (sent % 1_000_000 === 0) context.progress(`${sent / 1_000_000} million records published`)
      await request(server, 'POST', '/topics/bench/records', body())
    }
  }
  await Promise.all([send(), send(), send(), send()])
  return server
}

/** Makes the topic a compacted one; resolves when its partition was cleaned. */
async function compact(server: MeasuredServer): Promise<{ bytesRead: number; milliseconds: number }> {
  const began = Date.now()
  await alter(server, { 'cleanup.policy': 'compact' })
  for (;;) {
    const text = await request(server, 'GET', '/topics/bench/partitions/0')
    const { compaction } = JSON.parse(text) as CompactedPartition
    if (compaction !== undefined && compaction.cleanedAt >= began) {
      return { bytesRead: compaction.bytesRead, milliseconds: compaction.cleanedAt - began }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function alter(server: MeasuredServer, configs: Readonly<Record<string, string | number>>): Promise<void> {
  await request(server, 'PATCH', '/topics/bench', JSON.stringify({ configs }))
}

async function request(server: MeasuredServer, method: string, path: string, body?: string): Promise<string> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`the server refused ${method} ${path}: ${text}`)
  return text
}

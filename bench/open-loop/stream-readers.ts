import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { getRequest } from './http-connection.ts'
import { LatencyHistogram, type Latencies } from './latency-histogram.ts'
import { monotonicMs } from './monotonic.ts'
import { Schedule } from './schedule.ts'

export interface StreamReadersLoad {
  readonly origin: string
  readonly path: string
  readonly readers: number
  readonly requestsPerSecond: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

export interface StreamReadersResult {
  /** Of the oldest record of each piece that a reader received, from the moment it was to be published. */
  readonly latencies: Latencies
  /** Records that did not come, came twice or out of order. */
  readonly missing: number
  readonly delivered: number
  readonly cpuSeconds: number
}

/*
 * Many readers of one stream, a process of its own. It says `ready` when all have the head of their reply, and is told when
 * the first request was to be sent once all is published:
 *
 *   node bench/open-loop/stream-readers.ts '<StreamReadersLoad as JSON>'
 */
const PATIENCE_MS = 30_000
const MARK = Buffer.from('"order":')
/** A mark with its number; what is cut off within it waits for the rest. */
const LONGEST_MARK_BYTES = 24

const load = JSON.parse(process.argv[2] ?? '') as StreamReadersLoad
const schedule = new Schedule(load.requestsPerSecond, load.warmUpSeconds, load.seconds)
const numbers: number[] = []
const moments: number[] = []
let delivered = 0
let unexpected = 0
let open = 0
let finished = 0
const allOpen = Promise.withResolvers<void>()
const allFinished = Promise.withResolvers<void>()

function read(): void {
  const { hostname, port } = new URL(load.origin)
  const socket = connect({ host: hostname, port: Number(port) })
  let rest: Buffer = Buffer.alloc(0)
  let next = 0
  let headSeen = false
  socket.write(getRequest(load.origin, load.path))
  socket.on('data', (chunk) => {
    if (!headSeen) {
      headSeen = true
      if (!chunk.toString('latin1', 9, 12).startsWith('200')) throw new Error(chunk.toString())
      if (++open === load.readers) allOpen.resolve()
    }
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let from = 0
    let oldest = -1
    for (;;) {
      const at = bytes.indexOf(MARK, from)
      const end = at < 0 ? -1 : bytes.indexOf(0x2c, at)
      if (end < 0) {
        rest = bytes.subarray(at < 0 ? Math.max(from, bytes.length - LONGEST_MARK_BYTES) : at)
        break
      }
      const number = Number(bytes.toString('latin1', at + MARK.length, end))
      if (oldest < 0) oldest = number
      if (number === next) delivered++
      else unexpected++
      next = number + 1
      from = end
    }
    if (oldest >= schedule.firstMeasured) {
      numbers.push(oldest)
      moments.push(monotonicMs())
    }
    if (next === schedule.total && ++finished === load.readers) allFinished.resolve()
  })
  socket.on('error', allFinished.reject)
}

for (let reader = 0; reader < load.readers; reader++) read()
await allOpen.promise
const cpuBefore = process.cpuUsage()
process.stdout.write('ready\n')
const [beganMs] = (
  await new Promise<string>((resolve) => createInterface({ input: process.stdin }).once('line', resolve))
)
  .split(' ')
  .map(Number)
await Promise.race([allFinished.promise, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))])
const { user, system } = process.cpuUsage(cpuBefore)
const histogram = new LatencyHistogram()
for (const [index, number] of numbers.entries())
  histogram.record((moments[index] ?? 0) - (beganMs ?? 0) - schedule.intendedMs(number))
const result: StreamReadersResult = {
  latencies: histogram.latencies(),
  missing: schedule.total * load.readers - delivered + unexpected,
  delivered,
  cpuSeconds: (user + system) / 1e6,
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))

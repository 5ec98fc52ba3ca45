import { LatencyHistogram } from './latency-histogram.ts'
import { GroupMemberConsumer } from './group-member-consumer.ts'
import { LongPollConsumer, type RecordConsumer } from './long-poll-consumer.ts'
import { monotonicMs } from './monotonic.ts'
import type { ConsumerInGroup, ConsumerOfPartition, OpenLoopLoad, OpenLoopResult } from './open-loop-load.ts'
import { OpenLoopPublisher } from './publisher.ts'
import { Schedule } from './schedule.ts'

/*
 * The open-loop generator, a process of its own: requests are sent at their moments however slow the server is, and a
 * latency counts from the moment that was intended, so that a stall is seen by all requests that it held up.
 *
 *   node bench/open-loop/generator.ts '<OpenLoopLoad as JSON>'
 */
const load = JSON.parse(process.argv[2] ?? '') as OpenLoopLoad
const schedule = new Schedule(load.requestsPerSecond, load.warmUpSeconds, load.seconds)
const publisher = new OpenLoopPublisher(load, schedule)
const histogram = new LatencyHistogram()
let errors = 0
let measured = 0
let lastAnswerMs = 0
let cpuBefore = process.cpuUsage()

const consumed =
  load.publish.kind === 'numbered' && load.publish.consumer !== undefined
    ? await consume(load.publish.consumer, load.publish.recordsPerRequest)
    : undefined
await publisher.run(({ request, ok, latencyMs }) => {
  if (!ok) errors++
  if (request < schedule.firstMeasured) return
  if (measured++ === 0) cpuBefore = process.cpuUsage()
  lastAnswerMs = monotonicMs()
  if (load.publish.kind === 'files') histogram.record(latencyMs)
})
errors += (await consumed?.missing()) ?? 0

const { user, system } = process.cpuUsage(cpuBefore)
const result: OpenLoopResult = {
  requests: measured,
  seconds: (lastAnswerMs - publisher.intendedMs(schedule.firstMeasured)) / 1000,
  errors,
  beganMs: publisher.intendedMs(0),
  latencies: histogram.latencies(),
  cpuSeconds: (user + system) / 1e6,
}
process.stdout.write(`${JSON.stringify(result)}\n`)

/** Begins to read; `missing` waits until nothing more comes, and tells how many records did not. */
async function consume(
  from: ConsumerOfPartition | ConsumerInGroup,
  recordsPerRequest: number,
): Promise<{ missing(): Promise<number> }> {
  const consumer: RecordConsumer =
    from.kind === 'partition'
      ? new LongPollConsumer(load.origin, from.path)
      : await GroupMemberConsumer.join(load.origin, from)
  let received = 0
  const reading = consumer.run((number) => {
    received++
    if (number >= schedule.firstMeasured) histogram.record(monotonicMs() - publisher.intendedMs(number))
  })
  return {
    async missing() {
      consumer.stop()
      await reading
      return schedule.total * recordsPerRequest - received
    },
  }
}

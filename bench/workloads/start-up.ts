import { atMostMilliseconds, judged } from '../goals.ts'
import type { Load } from '../load/load.ts'
import { assertFreeSpace } from '../measure/free-space.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import { median } from '../measure/statistics.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { fillLog, logGibOf } from './filling.ts'
import { createTopic, freshDirectory, jsonLoad, numbered } from './publishing.ts'

const TOPICS = numbered('topic', 100)
const PARTITIONS_EACH = 10
const LOG_PARTITIONS = 6
const goal = atMostMilliseconds(2000)
/** The goal is one of a log of this size; of a smaller one it would say nothing. */
const GOAL_LOG_GIB = 10
const RECOVERY_THREADS = [1, 2, 4]
const QUICK_RECOVERY_THREADS = [2]
/** A load goes on for a second after the kill, so that the kill is in its middle. */
const LOAD_SECONDS = 4
const QUICK_LOAD_SECONDS = 2

export const startUpPart: Part = {
  name: 'start-up',
  about: 'until ready: empty, clean and after kill -9 under load, 1,000 partitions and much log',
  async *run(context) {
    yield await empty(context)
    yield* thousandPartitions(context)
    yield* muchLog(context)
  },
}

function repeatsOf({ options }: PartContext): number {
  return options.quick ? 1 : Math.min(options.repeats, 3)
}

async function empty(context: PartContext): Promise<Row> {
  const times: number[] = []
  for (let repeat = 0; repeat < repeatsOf(context); repeat++) {
    const server = await context.servers.posthorn('start empty', freshDirectory(context, 'data'))
    times.push(server.startMs)
    await server.stop()
  }
  return { work: 'start, empty', milliseconds: median(times) }
}

async function* thousandPartitions(context: PartContext): AsyncGenerator<Row> {
  context.progress('1,000 partitions')
  const dataDirectory = freshDirectory(context, 'data')
  const start = (): Promise<MeasuredServer> => context.servers.posthorn('start 1000 partitions', dataDirectory)
  const first = await start()
  for (const topic of TOPICS) await createTopic(first.url, topic, PARTITIONS_EACH)
  await context.generator.run(loadOf(context, first, TOPICS, 100), 1)
  await first.stop()
  const clean: number[] = []
  const unclean: number[] = []
  for (let repeat = 0; repeat < repeatsOf(context); repeat++) {
    context.progress('1,000 partitions: clean start, then kill -9 under load and unclean start')
    const loaded = await start()
    clean.push(loaded.startMs)
    await killUnderLoad(loaded, loadOf(context, loaded, TOPICS, 100), context)
    const restarted = await start()
    unclean.push(restarted.startMs)
    await restarted.stop()
  }
  yield judged({ work: 'start, clean', partitions: 1000, milliseconds: median(clean) }, goal)
  yield { work: 'start, unclean in the middle of full load', partitions: 1000, milliseconds: median(unclean) }
}

async function* muchLog(context: PartContext): AsyncGenerator<Row> {
  const { logGib, quick } = context.options
  const threadCounts = quick ? QUICK_RECOVERY_THREADS : RECOVERY_THREADS
  assertFreeSpace(context.folder, logGib + threadCounts.length * repeatsOf(context))
  const dataDirectory = freshDirectory(context, 'data')
  const start = (settings: readonly string[]): Promise<MeasuredServer> =>
    context.servers.posthorn('start much log', dataDirectory, settings)
  let server = await start([])
  await createTopic(server.url, 'bench', LOG_PARTITIONS)
  await fillLog(server, logGib, LOG_PARTITIONS, context)
  for (const threads of threadCounts) {
    const times: number[] = []
    for (let repeat = 0; repeat < repeatsOf(context); repeat++) {
      context.progress(`kill -9 under load, then an unclean start with ${threads} recovery threads`)
      await killUnderLoad(server, loadOf(context, server, ['bench'], 1000), context)
      server = await start([`num.recovery.threads.per.data.dir=${threads}`])
      times.push(server.startMs)
    }
    const gib = (await logGibOf(server)).toFixed(1)
    const work = `start, unclean in the middle of full load, ${gib} GiB of log, ${threads} recovery threads`
    const row = { work, partitions: LOG_PARTITIONS, milliseconds: median(times) }
    yield judged(row, logGib >= GOAL_LOG_GIB ? goal : undefined)
  }
  await server.stop()
}

function loadOf(context: PartContext, server: MeasuredServer, topics: readonly string[], recordCount: number): Load {
  return jsonLoad(context, server.url, recordCount, topics)
}

/** The requests that the crash cut off are failures of this load, which no figure is made of. */
async function killUnderLoad(server: MeasuredServer, load: Load, context: PartContext): Promise<void> {
  const seconds = context.options.quick ? QUICK_LOAD_SECONDS : LOAD_SECONDS
  const loaded = context.generator.run(load, seconds)
  await new Promise((resolve) => setTimeout(resolve, (seconds - 1) * 1000))
  server.assertAlive()
  await server.kill9()
  await loaded
}

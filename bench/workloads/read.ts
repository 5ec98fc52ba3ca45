import { BATCH_RECORDS, recordBatch } from '../bodies.ts'
import { atLeastMegabytesPerSecond, atLeastRecordsPerSecond, type Goal, judged } from '../goals.ts'
import type { Load } from '../load/load.ts'
import { GIB } from '../measure/free-space.ts'
import { figures, interleave } from '../measure/interleave.ts'
import type { MeasuredServer } from '../measure/servers.ts'
import { median } from '../measure/statistics.ts'
import type { Part, PartContext } from '../part.ts'
import type { Row } from '../row.ts'
import { fillLog } from './filling.ts'
import { createTopic, freshDirectory } from './publishing.ts'

const CONNECTIONS = 8
const PAGE_RECORDS = BATCH_RECORDS
const PAGES = 1000
/** The newest pages, which the server holds in memory. */
const NEWEST_PAGES = 20

interface Format {
  readonly name: string
  readonly route: string
  readonly recordsPerPage: number
  readonly goal?: Goal
  /** Measured in a quick run too. */
  readonly quick: boolean
}

/** What a page of so many records takes in the log: pages of batches are limited by bytes alone. */
const batchBytes = recordBatch(BATCH_RECORDS).length

const batchesGoal = atLeastMegabytesPerSecond(1000)

const allFormats: readonly Format[] = [
  {
    name: 'JSON',
    route: 'records',
    recordsPerPage: PAGE_RECORDS,
    goal: atLeastRecordsPerSecond(1_000_000),
    quick: true,
  },
  { name: 'NDJSON', route: 'lines', recordsPerPage: PAGE_RECORDS, quick: false },
  { name: 'batches', route: 'batches', recordsPerPage: PAGE_RECORDS, goal: batchesGoal, quick: true },
  { name: 'batches', route: 'batches', recordsPerPage: PAGE_RECORDS * 10, goal: batchesGoal, quick: false },
]

export const readPart: Part = {
  name: 'read',
  about: 'pages of 1000 records as JSON, NDJSON and batches, from memory and from files',
  async *run(context) {
    const dataDirectory = freshDirectory(context, 'data')
    const filled = await context.servers.posthorn('read newest', dataDirectory)
    await fill(filled, context)
    context.progress('the newest pages, from memory')
    yield* await readRows(filled, 'newest, in memory', PAGES - NEWEST_PAGES, NEWEST_PAGES, context)
    await filled.stop()
    context.progress('the oldest pages, by a server that has only just started')
    const restarted = await context.servers.posthorn('read oldest', dataDirectory)
    yield* await readRows(restarted, 'oldest, in files', 0, PAGES / 2, context)
    await restarted.stop()
  },
}

async function fill(server: MeasuredServer, context: PartContext): Promise<void> {
  await createTopic(server.url, 'bench', 1)
  await fillLog(server, (PAGES * batchBytes) / GIB, 1, context)
}

/** All formats in turn, each over the same range of pages. */
async function readRows(
  server: MeasuredServer,
  where: string,
  firstPage: number,
  pages: number,
  context: PartContext,
): Promise<Row[]> {
  const formats = context.options.quick ? allFormats.filter(({ quick }) => quick) : allFormats
  const loads = formats.map((format) => pagesLoad(server.url, format, firstPage, pages))
  for (const [index, load] of loads.entries()) await assertWholePage(load, formats[index])
  const bursts = await interleave(
    loads.map((load) => ({ server, load })),
    context,
  )
  return formats.map(({ name, recordsPerPage, goal }, index) => {
    const columns = figures(bursts[index] ?? [])
    const row = {
      work: `read ${recordsPerPage}/page as ${name}, ${where}`,
      partitions: 1,
      ...columns,
      recordsPerSecond: (columns.requestsPerSecond ?? 0) * recordsPerPage,
      megabytesPerSecond: median((bursts[index] ?? []).map(({ bytes, seconds }) => bytes / seconds)) / 1e6,
    }
    return judged(row, goal)
  })
}

function pagesLoad(origin: string, { route, recordsPerPage }: Format, firstPage: number, pages: number): Load {
  const paths: string[] = []
  for (let offset = firstPage * PAGE_RECORDS; paths.length * recordsPerPage < pages * PAGE_RECORDS;) {
    const maxBytes = (recordsPerPage / BATCH_RECORDS) * batchBytes
    const limits =
      route === 'batches' ? `maxBytes=${maxBytes}` : `maxRecords=${recordsPerPage}&maxBytes=${maxBytes * 2}`
    const query = `offset=${offset}&${limits}`
    paths.push(`/topics/bench/partitions/0/${route}?${query}`)
    offset += recordsPerPage
  }
  return { origin, paths, connections: CONNECTIONS }
}

/** A page with fewer records would make all figures too good. */
async function assertWholePage({ origin, paths }: Load, format: Format | undefined): Promise<void> {
  const url = `${origin}${paths[0]}`
  const response = await fetch(url)
  const bytes = (await response.arrayBuffer()).byteLength
  const expected = (format?.recordsPerPage ?? 0) * 100
  if (response.status !== 200 || bytes < expected) {
    throw new Error(`${url} gave ${response.status} with ${bytes} bytes, where at least ${expected} were expected`)
  }
}

import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../broker/clock.ts'
import { errorMessage } from '../startup-error.ts'
import { IndexDatabase, isDamage } from './index-database.ts'
import {
  type IndexedSegment,
  type IndexReply,
  type IndexRequest,
  type IndexWorkerData,
  ROW_FIELDS,
} from './index-messages.ts'
import type { IndexEntry, SegmentKey } from './segment-index.ts'
import { scanSegment, type ScanStep } from './segment-scan.ts'

// The thread that writes index.db: one request at a time, in the order sent. A rebuild takes turns with them.

assert.ok(parentPort, 'runs as a worker thread')
const port = parentPort
const { path }: IndexWorkerData = workerData
let database: IndexDatabase | undefined
/** Counts up when the database is made anew: a rebuild of an earlier one ends. */
let edition = 0

const send = (reply: IndexReply): void => port.postMessage(reply)

try {
  database = IndexDatabase.open(path)
  send({ kind: 'opened', complete: true })
} catch (error) {
  create(errorMessage(error))
}

port.on('message', (request: IndexRequest) => {
  if (request.kind === 'rebuild') void rebuild(request.segments, ++edition)
  else send(answer(request))
})

function answer(request: Exclude<IndexRequest, { kind: 'rebuild' }>): IndexReply {
  // Without a database this thread is of no use: it ends, and the next one tries again.
  if (request.kind === 'recreate') {
    edition++
    database?.close()
    create('it was found damaged')
    return { kind: 'done' }
  }
  try {
    execute(request)
    return { kind: 'done' }
  } catch (error) {
    return { kind: 'done', trouble: errorMessage(error), damaged: isDamage(error) }
  }
}

function execute(request: Exclude<IndexRequest, { kind: 'rebuild' | 'recreate' }>): void {
  switch (request.kind) {
    case 'write':
      return database?.write(request)
    case 'dropSegment':
      return database?.dropSegment(request.segment)
    case 'dropTopic':
      return database?.dropTopic(request.topicId)
    case 'scan':
      return void scan(request.segment, edition)
    case 'close':
      edition++
      database?.close()
      return port.close()
  }
}

function create(reason: string): void {
  database = undefined
  database = IndexDatabase.create(path)
  send({ kind: 'opened', complete: false, reason })
}

async function rebuild(segments: readonly IndexedSegment[], ofEdition: number): Promise<void> {
  let bytes = 0
  let entries = 0
  try {
    for (const segment of segments) {
      for await (const step of fillIn(segment, ofEdition)) {
        bytes += step.bytes
        entries += step.entries.length
      }
    }
    if (edition !== ofEdition) return
    database?.markComplete()
    send({ kind: 'rebuilt', segments: segments.length, bytes, entries })
  } catch (error) {
    send({ kind: 'rebuilt', segments: segments.length, bytes, entries, trouble: errorMessage(error) })
  }
}

/** Its file may be gone or replaced meanwhile: what is found of it then is of no generation that is asked for. */
async function scan(segment: IndexedSegment, ofEdition: number): Promise<void> {
  const steps = fillIn(segment, ofEdition)
  try {
    while ((await steps.next()).done !== true) continue
  } catch {
    // Readers of what is missing walk further.
  }
}

/** Rests as long as it works: half of one thread and of the disk at most, while the server answers. */
async function* fillIn(segment: IndexedSegment, ofEdition: number): AsyncGenerator<ScanStep> {
  let began = systemClock.monotonic()
  for (const step of scanSegment(segment)) {
    if (edition !== ofEdition) return
    if (step.entries.length > 0) database?.write(batchOf(segment.key, step.entries))
    yield step
    await rest(systemClock.monotonic() - began)
    began = systemClock.monotonic()
  }
}

function rest(durationMs: number): Promise<void> {
  return new Promise((resolve) => systemClock.setTimer(Math.ceil(durationMs), resolve))
}

function batchOf(segment: SegmentKey, entries: readonly IndexEntry[]) {
  const rows = new Float64Array(entries.length * ROW_FIELDS)
  entries.forEach((entry, place) => {
    rows.set([0, entry.baseOffset, entry.position, entry.maxTimestampBefore ?? Number.NaN], place * ROW_FIELDS)
  })
  return { kind: 'write', segments: [segment], rows } as const
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { JSON_TYPE, orderValue } from '../bodies.ts'
import { ConnectionPool } from './connection-pool.ts'
import { postRequest } from './http-connection.ts'
import { monotonicMs } from './monotonic.ts'
import type { OpenLoopLoad } from './open-loop-load.ts'
import type { Schedule } from './schedule.ts'
import type { Tick, TickSettings } from './tick-worker.ts'

/** The shortest time between two ticks; at higher rates than that a tick sends several requests. */
const MIN_TICK_MS = 0.5

export interface Answer {
  readonly request: number
  readonly ok: boolean
  readonly latencyMs: number
}

/** Sends the requests of a schedule, each at its moment or at most a tick later, and tells of each answer. */
export class OpenLoopPublisher {
  readonly #load: OpenLoopLoad
  readonly #schedule: Schedule
  #beganMs = 0

  constructor(load: OpenLoopLoad, schedule: Schedule) {
    this.#load = load
    this.#schedule = schedule
  }

  /** Of the clock of `monotonicMs`. */
  intendedMs(request: number): number {
    return this.#beganMs + this.#schedule.intendedMs(request)
  }

  /** Resolves when all requests were sent and answered. */
  async run(onAnswer: (answer: Answer) => void): Promise<void> {
    const pool = await ConnectionPool.open(this.#load.origin, this.#load.connections)
    const bytesOf = requestBytes(this.#load)
    const answers: Promise<void>[] = []
    await this.#eachDue((request) => {
      const answer = pool.send(bytesOf(request)).then(
        ({ status }) => onAnswer({ request, ok: status === 200, latencyMs: monotonicMs() - this.intendedMs(request) }),
        () => onAnswer({ request, ok: false, latencyMs: monotonicMs() - this.intendedMs(request) }),
      )
      answers.push(answer)
    })
    await Promise.all(answers)
    pool.close()
  }

  async #eachDue(send: (request: number) => void): Promise<void> {
    const intervalMs = Math.max(MIN_TICK_MS, 1000 / this.#load.requestsPerSecond)
    const worker = new Worker(new URL('./tick-worker.ts', import.meta.url), {
      workerData: { intervalMs } satisfies TickSettings,
    })
    const allSent = Promise.withResolvers<void>()
    worker.once('error', allSent.reject)
    let sent = 0
    worker.on('message', ({ number, beganMs }: Tick) => {
      this.#beganMs = beganMs
      for (const due = this.#schedule.dueAt(number * intervalMs); sent < due; sent++) send(sent)
      if (sent === this.#schedule.total) allSent.resolve()
    })
    await allSent.promise
    await worker.terminate()
  }
}

function requestBytes({ origin, path, publish }: OpenLoopLoad): (request: number) => Buffer {
  if (publish.kind === 'files') {
    const requests = publish.files.map((file) => postRequest(origin, path, publish.contentType, readFileSync(file)))
    return (request) => {
      const bytes = requests[request % requests.length]
      assert.ok(bytes)
      return bytes
    }
  }
  return (request) => {
    const record = `{"value":${orderValue(request)}}`
    const body = `{"records":[${Array(publish.recordsPerRequest).fill(record).join(',')}]}`
    return postRequest(origin, path, JSON_TYPE, Buffer.from(body))
  }
}

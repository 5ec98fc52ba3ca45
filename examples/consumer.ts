// A member of a consumer group over plain HTTP: each record at least once, through restarts of the server and rebalances.
//
//   node examples/consumer.ts http://127.0.0.1:8082 billing orders payments
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

interface Page {
  readonly cursor: string
  readonly records: readonly { topic: string; partition: number; offset: number; value: unknown }[]
  readonly revoking: readonly object[]
}

interface Problem {
  readonly retriable: boolean
  readonly detail: string
  readonly recovery: string
}

const [server, group, ...topics] = process.argv.slice(2)
const groupUrl = `${server}/consumer-groups/${group}`
const memberUrl = `${groupUrl}/members/worker-${randomUUID()}`
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

/** Every call may be repeated until it is answered: a commit never moves back, a fetch moves nothing. */
async function call<Reply>(method: string, url: string, body?: object, signal?: AbortSignal): Promise<Reply> {
  const headers = { 'content-type': 'application/json' }
  for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, 5000)) {
    const request = body ? { method, headers, body: JSON.stringify(body) } : { method }
    const response = await fetch(url, { ...request, signal: signal ?? null }).catch(() => undefined)
    const reply = (await response?.json().catch(() => undefined)) as (Reply & Problem) | undefined
    if (signal?.aborted || response?.status === 204 || (response?.ok && reply)) return reply as Reply
    if (reply && !reply.retriable) throw new Error(reply.detail, { cause: reply.recovery })
    await sleep(pauseMs)
  }
}

async function memberUntilStopped(): Promise<void> {
  const joined = await call<Page & { heartbeatIntervalMs: number }>('PUT', memberUrl, { topics })
  for (let { cursor } = joined; !stop.signal.aborted;) {
    const page = await call<Page>('GET', `${memberUrl}/records?cursor=${cursor}&waitMs=10000`, undefined, stop.signal)
    if (stop.signal.aborted) break
    cursor = page.cursor
    const beat = (): unknown => call('POST', `${memberUrl}/heartbeat`, { cursor: page.cursor }).catch(() => undefined)
    const heartbeats = setInterval(beat, joined.heartbeatIntervalMs)
    for (const record of page.records) console.log(JSON.stringify(record)) // The work: it may take its time.
    clearInterval(heartbeats)
    // The commit also lets go of the partitions that another member is to have.
    if (page.records.length > 0 || page.revoking.length > 0) await call('POST', `${groupUrl}/offsets`, { cursor })
  }
}

while (!stop.signal.aborted)
  await memberUntilStopped().catch((error: Error) => {
    if (error.cause !== 'rejoin' && error.cause !== 'fetch') throw error
  })
await call('DELETE', memberUrl)

import { setTimeout as sleep } from 'node:timers/promises'
import { now } from './journal.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly first: number
  readonly sent: number
  readonly received: number
}

const PAUSE_MS = 50
const PATIENCE_MS = 60_000

/** Sends a request until it is answered with anything but a 503: what a client does through a server's restart. */
export async function callUntilAnswered(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH',
  url: string,
  body?: object,
): Promise<Answer> {
  const first = now()
  for (;;) {
    const sent = now()
    const answer = await attempt(method, url, body)
    if (answer !== undefined && answer.status !== 503) return { ...answer, first, sent, received: now() }
    if (now() > first + PATIENCE_MS) throw new Error(`${method} ${url}: no answer within a minute`)
    await sleep(PAUSE_MS)
  }
}

async function attempt(
  method: string,
  url: string,
  body: object | undefined,
): Promise<{ readonly status: number; readonly body: unknown } | undefined> {
  const sent = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  try {
    const response = await fetch(url, { method, ...sent, signal: AbortSignal.timeout(PATIENCE_MS) })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  } catch {
    return undefined
  }
}

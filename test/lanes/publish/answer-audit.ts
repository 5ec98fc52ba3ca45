import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Answer } from './unreliable-proxy.ts'

/** Sees every answer of the server, also those that clients never got: one identity has one answer. */
export class AnswerAudit {
  readonly violations: string[] = []
  duplicates = 0
  /** How often each was refused, by code. */
  readonly refusals: Record<string, number> = {}
  readonly #places = new Map<string, string>()
  readonly #firsts = new Set<string>()

  take({ headers }: IncomingMessage, { status, body }: Answer): void {
    const reply = JSON.parse(body.toString()) as { records?: unknown; duplicate?: boolean; code?: string }
    if (status !== 200) {
      const code = reply.code ?? String(status)
      this.refusals[code] = (this.refusals[code] ?? 0) + 1
      return
    }
    const identity = ['idempotency-key', 'producer-id', 'producer-sequence'].map((name) => headers[name]).join('/')
    const places = createHash('sha256').update(JSON.stringify(reply.records)).digest('base64')
    const before = this.#places.get(identity)
    if (before !== undefined && before !== places) this.violations.push(`${identity} was answered in two ways`)
    this.#places.set(identity, places)
    if (reply.duplicate === true) this.duplicates++
    else if (this.#firsts.has(identity)) this.violations.push(`${identity} was told twice that it is no duplicate`)
    else this.#firsts.add(identity)
  }
}

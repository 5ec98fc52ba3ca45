import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Place {
  readonly partition: number
  readonly offset: number
}

interface Reply {
  readonly records?: readonly Place[]
  readonly durability?: string
  readonly title?: string
  readonly detail?: string
  readonly retriable?: boolean
  readonly stored?: string
}

export interface SteadyPublisherOptions {
  readonly name: string
  readonly topic: string
  readonly recordsPerRequest: number
  readonly keys: number
  /** The server to send the next request to. */
  readonly url: () => string
}

/**
 * Publishes request after request: what was refused with `stored: no` again, and what is in doubt not again, so that each
 * record is in the log at most once. A record's value is `publisher/number`.
 */
export class SteadyPublisher {
  /** Where the records are that were acknowledged, by their value. */
  readonly acknowledged = new Map<string, Place>()
  /** Values of requests that nobody knows whether they are stored. */
  readonly inDoubt = new Set<string>()
  /** What was answered that was no acknowledgement, and how often. */
  readonly refusals = new Map<string, number>()
  longestMs = 0
  readonly #options: SteadyPublisherOptions
  #next = 0

  constructor(options: SteadyPublisherOptions) {
    this.#options = options
  }

  async publishUntil(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) await this.#publishNext(stopped)
  }

  async #publishNext(stopped: AbortSignal): Promise<void> {
    const { name, recordsPerRequest, keys } = this.#options
    const values = Array.from({ length: recordsPerRequest }, (_, index) => `${name}/${this.#next + index}`)
    this.#next += recordsPerRequest
    const records = values.map((value, index) => ({ key: `${name}-${index % keys}`, value }))
    for (;;) {
      const began = performance.now()
      const outcome = await this.#send(JSON.stringify({ records }))
      this.longestMs = Math.max(this.longestMs, performance.now() - began)
      if (outcome === 'refused' && !stopped.aborted) {
        await sleep(100)
        continue
      }
      if (outcome === 'in doubt') for (const value of values) this.inDoubt.add(value)
      else if (outcome !== 'refused') values.forEach((value, index) => this.#acknowledge(value, outcome[index]))
      return
    }
  }

  #acknowledge(value: string, place: Place | undefined): void {
    assert.ok(place, `${value} has no place`)
    this.acknowledged.set(value, place)
  }

  async #send(body: string): Promise<readonly Place[] | 'refused' | 'in doubt'> {
    const { url, topic } = this.#options
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url()}/topics/${topic}/records`, { method: 'POST', headers, body }).catch(
      () => undefined,
    )
    const reply = (await response?.json().catch(() => undefined)) as Reply | undefined
    if (response === undefined || reply === undefined) {
      await sleep(50)
      return this.#count('no answer', 'in doubt')
    }
    if (response.status === 200 && reply.records) {
      assert.equal(reply.durability, 'replicated')
      return reply.records
    }
    const told = `${response.status} ${reply.title}, stored: ${reply.stored}`
    assert.equal(response.status, 503, `${told}: ${reply.detail}`)
    assert.equal(reply.retriable, true, `${told}: ${reply.detail}`)
    return this.#count(told, reply.stored === 'no' ? 'refused' : 'in doubt')
  }

  #count<Outcome>(what: string, outcome: Outcome): Outcome {
    this.refusals.set(what, (this.refusals.get(what) ?? 0) + 1)
    return outcome
  }
}

export interface LoggedRecord extends Place {
  readonly value: string
}

/** What of the promises the log does not keep: nothing acknowledged lost or elsewhere, nothing twice, each key in its order. */
export function violationsOf(publishers: readonly SteadyPublisher[], log: readonly LoggedRecord[]): string[] {
  const violations: string[] = []
  const found = new Map<string, LoggedRecord>()
  const newest = new Map<string, number>()
  for (const record of log) {
    const { value, partition, offset } = record
    const other = found.get(value)
    if (other) violations.push(`${value} is at ${other.partition}/${other.offset} and at ${partition}/${offset}`)
    found.set(value, record)
    const [name = '', number] = value.split('/')
    const before = newest.get(`${name} ${partition}`) ?? -1
    if (Number(number) < before) violations.push(`${value} stands behind ${before} of partition ${partition}`)
    newest.set(`${name} ${partition}`, Number(number))
  }
  for (const { acknowledged, inDoubt } of publishers) {
    for (const [value, { partition, offset }] of acknowledged) {
      const there = found.get(value)
      if (there?.partition !== partition || there.offset !== offset)
        violations.push(
          `${value} was acknowledged at ${partition}/${offset} and is at ${there?.partition}/${there?.offset}`,
        )
      found.delete(value)
    }
    for (const value of inDoubt) found.delete(value)
  }
  for (const value of found.keys()) violations.push(`${value} was refused, and is there`)
  return violations
}

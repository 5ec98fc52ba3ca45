import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Places } from './places.ts'
import { type PlannedRequest, plannedRequests, requestBody } from './sent-records.ts'

export interface PublisherOptions {
  readonly name: string
  /** By sequence, in order; or each request under a key of its own, in any order. */
  readonly kind: 'sequence' | 'key'
  readonly topic: string
  readonly records: number
  /** That the topic had at first. */
  readonly partitions: number
  /** Requests under way at most. */
  readonly window: number
  /** What an acknowledgement says; default: `fsync`. */
  readonly durability?: string
}

export interface PublishReply {
  readonly records: readonly { readonly partition: number; readonly offset: number; readonly timestamp: number }[]
  readonly durability: string
  readonly duplicate: boolean
}

interface Problem {
  readonly status: number
  readonly code: string
  readonly retriable: boolean
}

const RETRY_AFTER_MS = 40

/** Publishes until all is acknowledged: what is not it sends again, under the same sequence or key. */
export class RepeatingPublisher {
  readonly name: string
  readonly ordered: boolean
  readonly requests: readonly PlannedRequest[]
  /** By record number; filled by the acknowledgements. */
  readonly places: Places
  repeats = 0
  #acknowledged = 0
  readonly #options: PublisherOptions
  readonly #agent = new Agent({ keepAlive: true })

  constructor(options: PublisherOptions) {
    this.#options = options
    this.name = options.name
    this.ordered = options.kind === 'sequence'
    this.requests = plannedRequests(options.records)
    this.places = new Places(options.records)
  }

  get acknowledgedRecords(): number {
    return this.#acknowledged
  }

  /** A request is sent when the one `window` before it is acknowledged, so that none falls out of what the server keeps. */
  async publishAll(origin: string, signal: AbortSignal): Promise<void> {
    const answers: Promise<void>[] = []
    for (const [turn, planned] of this.requests.entries()) {
      await answers[turn - this.#options.window]
      answers.push(this.#publishUntilAcknowledged(origin, turn, planned, signal))
    }
    await Promise.all(answers)
    this.#agent.destroy()
  }

  /** Sends a request that was acknowledged once more, and holds the answer against the first. */
  async repeat(origin: string, turn: number): Promise<void> {
    const planned = this.requests[turn]
    assert.ok(planned)
    const reply = await this.#send(origin, turn, requestBody(this.name, planned, this.#options.partitions))
    assert.ok('records' in reply, `${this.name} repeated ${turn}: ${JSON.stringify(reply)}`)
    assert.equal(reply.duplicate, true, `${this.name} repeated ${turn}`)
    for (const [index, place] of reply.records.entries()) {
      assert.deepEqual(place, this.places.at(planned.first + index), `${this.name}: record ${planned.first + index}`)
    }
  }

  async #publishUntilAcknowledged(
    origin: string,
    turn: number,
    planned: PlannedRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const body = requestBody(this.name, planned, this.#options.partitions)
    for (;;) {
      const reply = await this.#send(origin, turn, body).catch(() => undefined)
      if (reply !== undefined && 'records' in reply) return this.#acknowledge(planned, reply)
      if (reply !== undefined) assert.ok(this.#mayRepeat(reply), `${this.name}/${turn}: ${JSON.stringify(reply)}`)
      this.repeats++
      await sleep(RETRY_AFTER_MS, undefined, { signal })
    }
  }

  /** Before its first request is there, a later one may be told that the server does not know the producer. */
  #mayRepeat({ code, retriable }: Problem): boolean {
    if (code === 'UNKNOWN_PRODUCER_ID') return this.#acknowledged === 0
    return retriable || code === 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  }

  #acknowledge({ first, count }: PlannedRequest, { records, durability }: PublishReply): void {
    assert.equal(records.length, count)
    assert.equal(durability, this.#options.durability ?? 'fsync')
    for (const [index, place] of records.entries()) this.places.set(first + index, place)
    this.#acknowledged += count
  }

  async #send(origin: string, turn: number, body: string): Promise<PublishReply | Problem> {
    const outgoing = request(`${origin}/topics/${this.#options.topic}/records`, {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json', ...this.#identity(turn) },
    })
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const reply = JSON.parse(text) as PublishReply | Problem
    assert.equal(response.statusCode === 200, 'durability' in reply, text)
    return reply
  }

  #identity(turn: number): Record<string, string> {
    if (this.#options.kind === 'key') return { 'idempotency-key': `${this.name}/${turn}` }
    return { 'producer-id': this.name, 'producer-sequence': String(turn) }
  }
}

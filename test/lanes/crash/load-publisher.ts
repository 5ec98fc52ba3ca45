import { setTimeout as sleep } from 'node:timers/promises'
import { encodeBatch } from '../../support/record-spans.ts'
import { httpCall, type Reply } from './http-call.ts'
import { loadRecord } from './load-records.ts'
import type { Place, TopicHistory } from './topic-history.ts'

/**
 * How a publisher publishes: under sequences or keys, so that it may send again what it knows nothing of; or once, whatever
 * comes of it.
 */
export type PublisherKind = 'sequence' | 'key' | 'plain' | 'kernel' | 'lines' | 'batches'

export interface LoadPublisherOptions {
  readonly name: string
  readonly kind: PublisherKind
  readonly history: TopicHistory
  readonly url: () => string
  /** Between requests. */
  readonly pauseMs?: number
  /** What it publishes to is in one log directory, so that a request is there whole or not at all. */
  readonly isWhole: boolean
}

interface SentRequest {
  readonly turn: number
  readonly numbers: readonly number[]
}

interface PublishReply {
  readonly records?: readonly Place[]
  readonly batches?: readonly { readonly baseOffset: number }[]
  readonly partition?: number
  readonly durability?: 'fsync' | 'kernel'
  readonly stored?: 'no' | 'partial' | 'unknown'
  readonly code?: string
  readonly retriable?: boolean
}

interface LinesResult {
  readonly firstLine?: number
  readonly lastLine?: number
  readonly partitions?: readonly { readonly firstOffset: number; readonly lastOffset: number }[]
}

const REQUEST_SIZES = [1, 20, 3, 60, 1, 8, 100]
const LINES_A_REQUEST = 400
const WINDOW = 3
const REST_MS = 20

/** Publishes while the gate is open, and tells the history what it was told. */
export class LoadPublisher {
  acknowledged = 0
  unknown = 0
  refused = 0
  readonly #options: LoadPublisherOptions
  #turns = 0
  #next = 0
  /** Not known to be stored: in their order. */
  #open: SentRequest[] = []

  constructor(options: LoadPublisherOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get #repeats(): boolean {
    return this.#options.kind === 'sequence' || this.#options.kind === 'key'
  }

  async turn(): Promise<void> {
    if (this.#repeats) await this.#publishWindow()
    else await this.#publishOnce()
    if (this.#options.pauseMs !== undefined) await sleep(this.#options.pauseMs)
  }

  /** Behind a crash and its audit: a request without an answer is there whole, or not at all. */
  settle(): void {
    const { history, name, isWhole, kind } = this.#options
    // Lines are stored some at a time.
    if (kind !== 'lines' && isWhole) for (const { numbers } of this.#open) history.outcomeOf(name, numbers)
    if (!this.#repeats) this.#open = []
  }

  async #publishWindow(): Promise<void> {
    const window = this.#options.kind === 'key' ? 1 : WINDOW
    while (this.#open.length < window) this.#open.push(this.#plan())
    const done = await Promise.all(this.#open.map((sent) => this.#publish(sent)))
    this.#open = this.#open.filter((_, index) => !done[index])
    if (!done.includes(true)) await sleep(REST_MS)
  }

  async #publishOnce(): Promise<void> {
    const sent = this.#plan()
    this.#open.push(sent)
    const done = this.#options.kind === 'lines' ? await this.#publishLines(sent) : await this.#publish(sent)
    if (done) this.#open.pop()
    else await sleep(REST_MS)
  }

  #plan(): SentRequest {
    const turn = this.#turns++
    const count = this.#options.kind === 'lines' ? LINES_A_REQUEST : (REQUEST_SIZES[turn % REQUEST_SIZES.length] ?? 1)
    const numbers = Array.from({ length: count }, () => this.#next++)
    return { turn, numbers }
  }

  /** @returns whether nothing more is to be known of it */
  async #publish(sent: SentRequest): Promise<boolean> {
    const reply = await (this.#options.kind === 'batches' ? this.#sendBatches(sent) : this.#sendRecords(sent))
    if (reply === undefined || !reply.isWhole) return this.#unknown()
    const answer = JSON.parse(reply.text) as PublishReply
    if (reply.status === 200) return this.#acknowledge(sent, answer)
    return this.#refused(sent, reply, answer)
  }

  #sendRecords({ turn, numbers }: SentRequest): Promise<Reply | undefined> {
    const { name, kind, history, url } = this.#options
    const records = numbers.map((number) => {
      const { key, value } = loadRecord({ publisher: name, number })
      return `{"key":"${key}","value":${value}}`
    })
    const identity: Record<string, string> =
      kind === 'sequence'
        ? { 'producer-id': name, 'producer-sequence': String(turn) }
        : kind === 'key'
          ? { 'idempotency-key': `${name}/${turn}` }
          : {}
    return httpCall({
      method: 'POST',
      url: `${url()}/topics/${history.rules.topic}/records?acks=${kind === 'kernel' ? '1' : 'all'}`,
      headers: { 'content-type': 'application/json', ...identity },
      body: `{"records":[${records.join(',')}]}`,
    })
  }

  #sendBatches({ turn, numbers }: SentRequest): Promise<Reply | undefined> {
    const { name, history, url } = this.#options
    const timestamp = 1_700_000_000_000
    const middle = numbers.length >> 1
    const halves = [numbers.slice(0, middle), numbers.slice(middle)].filter(({ length }) => length > 0)
    const batches = halves.map((half) =>
      encodeBatch(
        half.map((number) => {
          const { key, value } = loadRecord({ publisher: name, number })
          return { key: Buffer.from(key), value: Buffer.from(value), timestamp }
        }),
      ),
    )
    return httpCall({
      method: 'POST',
      url: `${url()}/topics/${history.rules.topic}/partitions/${turn % history.rules.partitions}/batches`,
      headers: { 'content-type': 'application/vnd.kafka.record-batches' },
      body: Buffer.concat(batches),
    })
  }

  #acknowledge({ numbers }: SentRequest, answer: PublishReply): true {
    const { history, name, kind } = this.#options
    const expected = kind === 'kernel' ? 'kernel' : 'fsync'
    const { durability = 'kernel' } = answer
    if (durability !== expected) history.wrongAnswer(`${name} was told durability ${durability}, not ${expected}`)
    const places = answer.records ?? placesOf(answer, numbers.length)
    if (places.length !== numbers.length)
      history.wrongAnswer(`${name} was told ${places.length} places of ${numbers.length} records`)
    for (const [index, number] of numbers.entries()) {
      const place = places[index]
      if (place !== undefined) history.acknowledged({ publisher: name, number }, place, durability)
    }
    this.acknowledged += numbers.length
    return true
  }

  #unknown(): false {
    this.unknown++
    return false
  }

  #refused({ numbers }: SentRequest, { status, text }: Reply, { stored, code, retriable }: PublishReply): boolean {
    const { history, name } = this.#options
    const waits = code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || code === 'UNKNOWN_PRODUCER_ID'
    if (status !== 503 && retriable !== true && !waits)
      history.wrongAnswer(`${name} was answered ${status} ${text.slice(0, 300)}`)
    this.refused++
    if (this.#repeats || stored !== 'no') return this.#unknown()
    history.refused(name, numbers)
    return true
  }

  /** Each line of the reply acknowledges some lines, also where the reply breaks off behind it. */
  async #publishLines({ turn, numbers }: SentRequest): Promise<boolean> {
    const { history, name, url } = this.#options
    const partition = turn % history.rules.partitions
    const lines = numbers.map((number) => {
      const { key, value } = loadRecord({ publisher: name, number })
      return `{"key":"${key}","value":${value},"partition":${partition}}\n`
    })
    const reply = await httpCall({
      method: 'POST',
      url: `${url()}/topics/${history.rules.topic}/lines?results=lines`,
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join(''),
    })
    if (reply?.status !== 200) return this.#unknown()
    for (const text of reply.text.split('\n').slice(0, -1)) {
      const { firstLine, lastLine, partitions } = JSON.parse(text) as LinesResult
      const [stored] = partitions ?? []
      if (firstLine === undefined || lastLine === undefined || stored === undefined) continue
      const own = numbers.slice(firstLine - 1, lastLine)
      this.#acknowledgeLines(own, partition, stored)
      this.acknowledged += own.length
    }
    return reply.isWhole || this.#unknown()
  }

  #acknowledgeLines(
    numbers: readonly number[],
    partition: number,
    { firstOffset, lastOffset }: { readonly firstOffset: number; readonly lastOffset: number },
  ): void {
    const { history, name } = this.#options
    const [first = 0] = numbers
    const last = numbers.at(-1) ?? 0
    history.acknowledged({ publisher: name, number: first }, { partition, offset: firstOffset }, 'fsync')
    history.acknowledged({ publisher: name, number: last }, { partition, offset: lastOffset }, 'fsync')
    history.acknowledgedUpTo(name, numbers, { partition, offset: lastOffset })
  }
}

/** Batches have their records one behind the other, in two halves. */
function placesOf({ partition = -1, batches = [] }: PublishReply, count: number): Place[] {
  const middle = count >> 1
  const sizes = [middle, count - middle].filter((size) => size > 0)
  return batches.flatMap(({ baseOffset }, index) =>
    Array.from({ length: sizes[index] ?? 0 }, (_, at) => ({ partition, offset: baseOffset + at })),
  )
}

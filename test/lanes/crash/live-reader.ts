import { setTimeout as sleep } from 'node:timers/promises'
import { jsonCall } from './http-call.ts'
import type { ReadRecord, TopicHistory } from './topic-history.ts'

interface Page {
  readonly records: readonly ReadRecord[]
  readonly cursor: string
}

interface Problem {
  readonly code?: string
  readonly cursor?: string
}

const REST_MS = 20

/** Reads a topic as it grows, through all crashes, and tells the history what it saw. */
export class LiveReader {
  read = 0
  readonly #history: TopicHistory
  readonly #url: () => string
  #cursor: string | undefined

  constructor(history: TopicHistory, url: () => string) {
    this.#history = history
    this.#url = url
  }

  async turn(): Promise<void> {
    const start = this.#cursor === undefined ? 'from=earliest' : `cursor=${this.#cursor}`
    const path = `/topics/${this.#history.rules.topic}/records?${start}&format=string&maxRecords=2000&waitMs=50`
    const reply = await jsonCall('GET', `${this.#url()}${path}`)
    if (reply === undefined || !reply.isWhole || reply.status === 503) return sleep(REST_MS)
    if (reply.status !== 200) return this.#problem(reply.status, reply.text)
    const { records, cursor } = JSON.parse(reply.text) as Page
    for (const record of records) this.#history.delivered(record)
    this.read += records.length
    this.#cursor = cursor
  }

  /** Retention may have been faster; but nobody can be behind the end. */
  #problem(status: number, text: string): void {
    const { cursor } = JSON.parse(text) as Problem
    const retained = status === 410 && this.#history.rules.cleanup === 'retention'
    if (!retained) this.#history.wrongAnswer(`a reader was answered ${status} ${text.slice(0, 300)}`)
    this.#cursor = cursor
  }
}

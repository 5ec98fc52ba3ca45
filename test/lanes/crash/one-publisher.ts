import assert from 'node:assert/strict'
import { now } from '../groups/journal.ts'
import { Findings } from './findings.ts'
import { jsonCall } from './http-call.ts'
import { loadRecord } from './load-records.ts'
import { readPartitions } from './read-partitions.ts'
import { type Crash, TopicHistory } from './topic-history.ts'

const TOPIC = 'orders'
const PUBLISHER = 'a'

export interface Outcome {
  readonly status: number
  readonly code: string | undefined
  readonly stored: string | undefined
}

/** One client that publishes request after request to one topic, and reads it: for faults that are looked at one by one. */
export class OnePublisher {
  readonly findings = new Findings()
  readonly history: TopicHistory
  readonly #url: () => string
  #next = 0

  constructor(url: () => string, partitions: number) {
    this.#url = url
    this.history = new TopicHistory({ topic: TOPIC, partitions, cleanup: 'nothing' }, this.findings, now)
  }

  async createTopic(): Promise<void> {
    const { partitions } = this.history.rules
    const reply = await jsonCall('PUT', `${this.#url()}/topics/${TOPIC}`, { partitions })
    assert.equal(reply?.status, 201, reply?.text)
  }

  /** All of a request goes to one partition. */
  async publish(partition: number, count: number): Promise<Outcome> {
    const numbers = Array.from({ length: count }, () => this.#next++)
    const records = numbers.map((number) => {
      const { key, value } = loadRecord({ publisher: PUBLISHER, number })
      return { key, value: JSON.parse(value) as object, partition }
    })
    const reply = await jsonCall('POST', `${this.#url()}/topics/${TOPIC}/records`, { records })
    if (reply === undefined) return { status: 0, code: undefined, stored: 'unknown' }
    const answer = JSON.parse(reply.text) as {
      records?: { partition: number; offset: number }[]
      code?: string
      stored?: string
    }
    for (const [index, place] of (reply.status === 200 ? (answer.records ?? []) : []).entries())
      this.history.acknowledged({ publisher: PUBLISHER, number: numbers[index] ?? -1 }, place, 'fsync')
    if (answer.stored === 'no') this.history.refused(PUBLISHER, numbers)
    return { status: reply.status, code: answer.code, stored: answer.stored }
  }

  /** Requests of several sizes to each partition, all of which must be acknowledged. */
  async fill(requests: number): Promise<void> {
    for (let request = 0; request < requests; request++)
      for (let partition = 0; partition < this.history.rules.partitions; partition++) {
        const outcome = await this.publish(partition, [1, 20, 5][request % 3] ?? 1)
        assert.equal(outcome.status, 200, JSON.stringify(outcome))
      }
  }

  /** Of a topic of which nothing is missing, each record at its place. */
  async audit(crash: Crash): Promise<void> {
    for (const found of await readPartitions(this.#url(), this.history, true)) this.history.audit(found, crash)
    assert.deepEqual(this.findings.violations.slice(0, 10), [])
  }
}

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../groups/journal.ts'
import { callUntilAnswered } from '../groups/repeating-client.ts'
import type { CommitHistory } from './commit-history.ts'
import { jsonCall } from './http-call.ts'

const REST_MS = 20

/** A script that commits offsets of one partition for a group without members, one higher than the other. */
export class Committer {
  readonly #group: string
  readonly #topic: string
  readonly #history: CommitHistory
  readonly #url: () => string
  #next = 0

  constructor(group: string, topic: string, history: CommitHistory, url: () => string) {
    this.#group = group
    this.#topic = topic
    this.#history = history
    this.#url = url
  }

  async turn(): Promise<void> {
    const url = `${this.#url()}/consumer-groups/${this.#group}/offsets`
    const nextOffset = this.#next + 1
    this.#history.sent(now(), nextOffset)
    const reply = await jsonCall('POST', url, { offsets: [{ topic: this.#topic, partition: 0, nextOffset }] })
    // Nobody has published so much yet.
    if (reply === undefined || !reply.isWhole || reply.status === 503 || reply.status === 416) return sleep(REST_MS)
    assert.equal(reply.status, 200, reply.text)
    this.#history.acknowledged(now(), nextOffset)
    this.#next = nextOffset
  }

  /** What stands there now. */
  async observe(): Promise<void> {
    const url = `${this.#url()}/consumer-groups/${this.#group}/offsets?topic=${this.#topic}`
    const { status, body, sent, received } = await callUntilAnswered('GET', url)
    if (status === 404) return this.#history.observed(sent, received, null)
    assert.equal(status, 200, JSON.stringify(body))
    const { items } = body as { items: { partition: number; nextOffset: number | null }[] }
    this.#history.observed(sent, received, items.find(({ partition }) => partition === 0)?.nextOffset ?? null)
  }
}

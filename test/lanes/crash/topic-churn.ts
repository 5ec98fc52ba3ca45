import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { jsonCall, type Reply } from './http-call.ts'
import type { TopicChange, TopicModel, TopicState } from './topic-model.ts'

const PREFIX = 'churn-'
const DEFAULT_RETENTION_MS = '604800000'
const TOPICS_AT_ONCE = 3
const REST_MS = 20

/** A client that creates, changes, fills and deletes topics of its own, one call after another. */
export class TopicChurn {
  readonly #name: string
  readonly #model: TopicModel
  readonly #url: () => string
  readonly #random: () => number
  #made = 0
  /** The oldest first. */
  #alive: string[] = []

  constructor(name: string, model: TopicModel, url: () => string, random: () => number) {
    this.#name = name
    this.#model = model
    this.#url = url
    this.#random = random
  }

  async turn(): Promise<void> {
    const exists = (topic: string): boolean => this.#model.state(topic) !== undefined
    this.#alive = this.#alive.filter((topic) => exists(topic) || this.#model.isUnknown(topic))
    const known = this.#alive.filter((topic) => !this.#model.isUnknown(topic))
    const [oldest] = known
    const topic = known[Math.floor(this.#random() * known.length)]
    const chance = this.#random()
    if (oldest !== undefined && known.length >= TOPICS_AT_ONCE) await this.#delete(oldest)
    else if (known.length < this.#alive.length) await sleep(REST_MS)
    else if (topic === undefined || chance < 0.4) await this.#create(`${PREFIX}${this.#name}-${this.#made++}`)
    else if (chance < 0.6) await this.#configure(topic)
    else if (chance < 0.75) await this.#raise(topic)
    else await this.#publish(topic)
  }

  async #create(topic: string): Promise<void> {
    this.#alive.push(topic)
    const partitions = 1 + Math.floor(this.#random() * 3)
    const posts = this.#random() < 0.5
    await this.#change(topic, posts ? 'POST' : 'PUT', [201], posts ? '/topics' : `/topics/${topic}`, {
      body: posts ? { name: topic, partitions } : { partitions },
      change: () => ({ partitions, retentionMs: DEFAULT_RETENTION_MS, records: 0 }),
    })
  }

  #configure(topic: string): Promise<void> {
    const retentionMs = String(3_600_000 + Math.floor(this.#random() * 1_000_000))
    return this.#change(topic, 'PATCH', [200], `/topics/${topic}`, {
      body: { configs: { 'retention.ms': retentionMs } },
      change: (state) => state && { ...state, retentionMs },
    })
  }

  #raise(topic: string): Promise<void> {
    const partitions = (this.#model.state(topic)?.partitions ?? 0) + 1
    return this.#change(topic, 'PATCH', [200], `/topics/${topic}`, {
      body: { partitions },
      change: (state) => state && { ...state, partitions },
    })
  }

  #publish(topic: string): Promise<void> {
    return this.#change(topic, 'POST', [200], `/topics/${topic}/records`, {
      body: { records: [{ value: 'there', partition: 0 }] },
      change: (state) => state && { ...state, records: state.records + 1 },
    })
  }

  #delete(topic: string): Promise<void> {
    return this.#change(topic, 'DELETE', [204], `/topics/${topic}`, { change: () => undefined })
  }

  async #change(
    topic: string,
    method: string,
    success: readonly number[],
    path: string,
    { body, change }: { readonly body?: object; readonly change: TopicChange },
  ): Promise<void> {
    this.#model.sent(topic, `${method} ${path}`, change)
    const reply = await jsonCall(method, `${this.#url()}${path}`, body)
    if (reply?.isWhole !== true) return sleep(REST_MS)
    if (success.includes(reply.status)) this.#model.acknowledged(topic)
    else this.#notDone(topic, `${method} ${path}`, reply)
  }

  /** A 503 may have done it all the same. */
  #notDone(topic: string, what: string, { status, text }: Reply): void {
    assert.equal(status, 503, `${what}: ${text}`)
    if (text.includes('"stored":"no"')) this.#model.refused(topic)
  }
}

interface Described {
  readonly partitions: number
  readonly configs: Readonly<Record<string, { readonly value: string }>>
}

/** All that churns make, as the server shows it. */
export async function readTopics(url: string): Promise<Map<string, TopicState>> {
  const { items } = await ask<{ items: { name: string }[] }>(`${url}/topics?prefix=${PREFIX}&limit=1000`)
  const described = items.map(async ({ name }): Promise<[string, TopicState]> => {
    const { partitions, configs } = await ask<Described>(`${url}/topics/${name}`)
    const first = await ask<{ highWatermark: number }>(`${url}/topics/${name}/partitions/0`)
    return [name, { partitions, retentionMs: configs['retention.ms']?.value ?? '', records: first.highWatermark }]
  })
  return new Map(await Promise.all(described))
}

async function ask<Body>(url: string): Promise<Body> {
  const reply = await jsonCall('GET', url)
  assert.ok(reply, `no answer to ${url}`)
  assert.equal(reply.status, 200, reply.text)
  return JSON.parse(reply.text) as Body
}

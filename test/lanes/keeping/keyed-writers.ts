import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { api } from './api.ts'

const RECORDS_A_REQUEST = 50

/** What one key may hold: the newest value that was acknowledged, or any that was sent later without an answer. */
interface KeyState {
  acknowledged: number
  readonly unknown: number[]
}

interface Stored {
  readonly key: string
  readonly value: { readonly n: number } | null
  readonly offset: number
  readonly partition: number
}

export interface KeyedWritersOptions {
  readonly writers: number
  readonly keysEach: number
  readonly valueBytes: number
}

/** Writers with keys of their own, each key's values counted up. The server may crash under them. */
export class KeyedWriters {
  readonly #url: () => string
  readonly #topic: string
  readonly #options: KeyedWritersOptions
  readonly #keys = new Map<string, KeyState>()
  readonly #padding: string
  #stopped = false
  acknowledged = 0

  constructor(url: () => string, topic: string, options: KeyedWritersOptions) {
    this.#url = url
    this.#topic = topic
    this.#options = options
    this.#padding = 'x'.repeat(options.valueBytes)
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.writers }, (_, writer) => this.#write(writer)))
  }

  stop(): void {
    this.#stopped = true
  }

  async #write(writer: number): Promise<void> {
    const { keysEach } = this.#options
    for (let n = 1, at = 0; !this.#stopped || n <= keysEach / RECORDS_A_REQUEST; n++) {
      const keys = Array.from({ length: RECORDS_A_REQUEST }, (_, index) => `w${writer}-${(at + index) % keysEach}`)
      at += RECORDS_A_REQUEST
      await this.#send(keys, n)
    }
  }

  async #send(keys: readonly string[], n: number): Promise<void> {
    const records = keys.map((key) => ({ key, value: { n, padding: this.#padding } }))
    for (;;) {
      const answer = await api(this.#url(), 'POST', `/topics/${this.#topic}/records`, { records }).catch(
        () => undefined,
      )
      if (answer?.status === 200) return this.#note(keys, (state) => this.#acknowledge(state, n))
      if (answer !== undefined) assert.equal(answer.status, 503, answer.text)
      if (answer?.body.stored !== 'no') this.#note(keys, (state) => void state.unknown.push(n))
      await pause(50)
    }
  }

  #acknowledge(state: KeyState, n: number): void {
    state.acknowledged = n
    state.unknown.length = 0
    this.acknowledged++
  }

  #note(keys: readonly string[], change: (state: KeyState) => void): void {
    for (const key of keys) {
      const state = this.#keys.get(key) ?? { acknowledged: 0, unknown: [] }
      this.#keys.set(key, state)
      change(state)
    }
  }

  /** Reads the whole log: the last value of each key is the one that was acknowledged last, and none goes back before. */
  async check(): Promise<{ readonly checkedKeys: number; readonly storedRecords: number }> {
    const reader = new LogReader(this.#url, this.#topic, 0)
    await reader.readToEnd()
    for (const [key, { acknowledged, unknown }] of this.#keys) {
      const stored = reader.newest.get(key)
      const allowed = [acknowledged, ...unknown]
      assert.ok(
        stored !== undefined && allowed.includes(stored),
        `${key} holds ${stored}, not one of ${allowed.join()}`,
      )
    }
    return { checkedKeys: this.#keys.size, storedRecords: reader.seen }
  }
}

/** Reads a topic as a consumer does, and checks that nothing comes twice, goes back, or comes out of order. */
export class LogReader {
  /** By key, the last counter read. */
  readonly newest = new Map<string, number>()
  readonly #url: () => string
  readonly #topic: string
  readonly #waitMs: number
  readonly #offsets = new Map<number, number>()
  #cursor: string | undefined
  #stopped = false
  seen = 0

  /** @param waitMs of each read; 0 for one that reads to the end */
  constructor(url: () => string, topic: string, waitMs: number) {
    this.#url = url
    this.#topic = topic
    this.#waitMs = waitMs
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      if ((await this.#page()) === undefined) await pause(50)
    }
  }

  async readToEnd(): Promise<void> {
    while ((await this.#page()) !== true) if (this.#stopped) return
  }

  stop(): void {
    this.#stopped = true
  }

  /** @returns whether the end was reached; undefined where the server did not answer */
  async #page(): Promise<boolean | undefined> {
    const start = this.#cursor === undefined ? 'from=earliest' : `cursor=${this.#cursor}`
    const path = `/topics/${this.#topic}/records?${start}&maxRecords=5000&waitMs=${this.#waitMs}`
    const answer = await api(this.#url(), 'GET', path).catch(() => undefined)
    if (answer === undefined || answer.status === 503) return undefined
    assert.equal(answer.status, 200, answer.text)
    for (const record of answer.body.records) this.#take(record)
    this.#cursor = answer.body.cursor
    return answer.body.upToDate
  }

  #take({ key, value, offset, partition }: Stored): void {
    const last = this.#offsets.get(partition) ?? -1
    assert.ok(offset > last, `offset ${offset} of partition ${partition} came behind ${last}`)
    this.#offsets.set(partition, offset)
    assert.ok(value !== null)
    const before = this.newest.get(key) ?? 0
    assert.ok(value.n >= before, `${key} went back from ${before} to ${value.n}`)
    this.newest.set(key, value.n)
    this.seen++
  }
}

import assert from 'node:assert/strict'
import { jsonCall } from './http-call.ts'

export interface Place {
  readonly partition: number
  readonly offset: number
}

/** A request with a value for each of its partitions, sent until it is stored. */
export interface RepeatedRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly partitions: readonly number[]
  readonly values: readonly string[]
  /** By its partition: where it was ever told that the record is. */
  readonly places: Map<number, number>
}

export interface RepeatedAnswer {
  /** 0: none came. */
  readonly status: number
  readonly code: string | undefined
  readonly stored: string | undefined
  /** Of the request's partitions: those whose record has no place. */
  readonly without: readonly number[]
}

interface Body {
  readonly code?: string
  readonly stored?: string
  readonly records?: readonly { readonly partition: number; readonly offset: number | null }[]
}

/** Clients whose requests say who they are, by number or by key: whatever happens, each record is stored once. */
export class RepeatedRequests {
  readonly #url: () => string
  readonly #topic: string
  readonly #all: RepeatedRequest[] = []
  readonly #sequences = new Map<string, number>()

  constructor(url: () => string, topic: string) {
    this.#url = url
    this.#topic = topic
  }

  get all(): readonly RepeatedRequest[] {
    return this.#all
  }

  /** Of a client of that name: a number after the other, or where it has none a key of its own. */
  next(producer: string | undefined, partitions: readonly number[], valueBytes = 40): RepeatedRequest {
    const id = this.#all.length
    const values = partitions.map((partition) => `${id}/${partition}|`.padEnd(valueBytes, 'x'))
    const request = { headers: this.#identity(producer, id), partitions, values, places: new Map<number, number>() }
    this.#all.push(request)
    return request
  }

  #identity(producer: string | undefined, id: number): Record<string, string> {
    if (producer === undefined) return { 'idempotency-key': `request-${id}` }
    const sequence = this.#sequences.get(producer) ?? 0
    this.#sequences.set(producer, sequence + 1)
    return { 'producer-id': producer, 'producer-sequence': String(sequence) }
  }

  /** Once. Whatever place it is told must be the one that it was told before. */
  async send({ headers, partitions, values, places }: RepeatedRequest): Promise<RepeatedAnswer> {
    const records = partitions.map((partition, index) => ({ partition, value: values[index] }))
    const reply = await jsonCall('POST', `${this.#url()}/topics/${this.#topic}/records`, { records }, headers)
    if (reply === undefined || !reply.isWhole) {
      return { status: 0, code: undefined, stored: undefined, without: partitions }
    }
    const { code, stored, records: placed = [] } = JSON.parse(reply.text) as Body
    const without: number[] = []
    for (const [index, partition] of partitions.entries()) {
      const offset = placed[index]?.offset ?? undefined
      if (offset === undefined) without.push(partition)
      else {
        assert.equal(offset, places.get(partition) ?? offset, `${values[index]} was stored elsewhere: ${reply.text}`)
        places.set(partition, offset)
      }
    }
    return { status: reply.status, code, stored, without }
  }

  async sendUntilStored(request: RepeatedRequest): Promise<void> {
    const answer = await this.send(request)
    assert.deepEqual([answer.status, answer.without], [200, []], JSON.stringify(answer))
  }

  /** Dense offsets, each record of each request once, and where it was told to be. */
  async audit(partitions: readonly number[]): Promise<void> {
    const found = new Map<string, number>()
    for (const partition of partitions) {
      for (const { offset, value } of await readAll(this.#url(), this.#topic, partition)) {
        assert.equal(found.get(value), undefined, `${label(value)} is there twice`)
        found.set(value, offset)
      }
    }
    for (const { partitions: sent, values, places } of this.#all) {
      for (const [index, partition] of sent.entries()) {
        const told = places.get(partition)
        const value = values[index] ?? ''
        if (told === undefined || !partitions.includes(partition)) continue
        assert.equal(found.get(value), told, `${label(value)} was acknowledged at ${told}`)
      }
    }
  }
}

function label(value: string): string {
  return value.slice(0, value.indexOf('|'))
}

/** All of a partition from which nothing was removed. */
export async function readAll(
  url: string,
  topic: string,
  partition: number,
): Promise<{ readonly offset: number; readonly value: string }[]> {
  const path = `${url}/topics/${topic}/partitions/${partition}/records`
  const all: { offset: number; value: string }[] = []
  for (;;) {
    const reply = await jsonCall('GET', `${path}?offset=${all.length}&format=string&maxRecords=10000&maxBytes=8388608`)
    assert.equal(reply?.status, 200, reply?.text)
    const page = JSON.parse(reply?.text ?? '') as { records: { offset: number; value: string }[]; upToDate: boolean }
    for (const { offset, value } of page.records) {
      assert.equal(offset, all.length, `partition ${partition} of ${topic} has a hole`)
      all.push({ offset, value })
    }
    if (page.upToDate) return all
  }
}

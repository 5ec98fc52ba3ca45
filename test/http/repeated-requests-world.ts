import assert from 'node:assert/strict'
import { BrokerError } from '../../src/broker/broker-error.ts'
import type { ApiServer } from './api-server.ts'
import type { AnyJson } from '../support/any-json.ts'

/** What a publisher, its network and an administrator may do, in any order. */
export type Step =
  | { readonly kind: 'publish'; readonly who: number; readonly records: readonly Sent[]; readonly times: number }
  | { readonly kind: 'repeat'; readonly who: number; readonly back: number; readonly times: number }
  | { readonly kind: 'other-body'; readonly who: number; readonly back: number }
  | { readonly kind: 'skip'; readonly who: number; readonly ahead: number }
  | { readonly kind: 'lose-count'; readonly who: number }
  | { readonly kind: 'old-epoch'; readonly who: number }
  | { readonly kind: 'break'; readonly partition: number }
  | { readonly kind: 'mend' }
  | { readonly kind: 'grow' }
  | { readonly kind: 'shrink-limit' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'recreate' }

export interface Sent {
  readonly key?: string
  readonly value?: string
  readonly partition?: number
  readonly timestamp?: number
}

interface Place {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}

interface Request {
  readonly headers: Record<string, string>
  readonly body: string
  readonly sent: readonly Sent[]
  /** Where it is by its first full answer; undefined while no answer said that it is stored whole. */
  places: Place[] | undefined
  /** Something of it is stored. */
  isPartial: boolean
}

/** One topic and its publishers: the last of three gives each request a key, the others count. */
export class World {
  readonly #server: ApiServer
  readonly #topic: string
  readonly #requests: Request[][] = [[], [], []]
  readonly #epochs = [0, 0, 0]
  readonly #next = [0, 0, 0]
  #partitions = 2
  #serial = 0
  #broken = new Set<number>()

  constructor(server: ApiServer, topic: string) {
    this.#server = server
    this.#topic = topic
  }

  async create(): Promise<void> {
    await this.#call('PUT', '', { partitions: this.#partitions })
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'publish':
        return this.#publish(step.who, step.records, step.times)
      case 'repeat':
        return this.#repeat(step.who, step.back, step.times)
      case 'other-body':
        return this.#otherBody(step.who, step.back)
      case 'skip':
        return this.#skip(step.who, step.ahead)
      case 'lose-count':
        return this.#loseCount(step.who)
      case 'old-epoch':
        return this.#oldEpoch(step.who)
      case 'break':
        this.#broken.add(step.partition % this.#partitions)
        return this.#setFailures()
      case 'mend':
        this.#broken.clear()
        return this.#setFailures()
      case 'grow':
        this.#partitions += 1
        return void (await this.#call('PATCH', '', { partitions: this.#partitions }))
      case 'shrink-limit':
        // No new request fits; what is stored whole is answered all the same.
        await this.#call('PATCH', '', { configs: { 'max.message.bytes': '10' } })
        for (const who of [0, 1, 2]) await this.#repeat(who, 0, 1, true)
        return void (await this.#call('PATCH', '', { configs: { 'max.message.bytes': null } }))
      case 'wait':
        return this.#server.clock.advance(step.ms)
      case 'recreate':
        return this.#recreate()
    }
  }

  /** Every record whose request was answered is in the log once, where the answer said, and nothing else is. */
  async check(): Promise<void> {
    await this.take({ kind: 'mend' })
    for (const who of [0, 1, 2]) await this.#completeLast(who)
    const stored = new Map<string, { key?: string; value?: string; timestamp: number }>()
    for (let partition = 0; partition < this.#partitions; partition++) {
      const { body } = await this.#call('GET', `/partitions/${partition}/records?maxRecords=10000`)
      for (const record of body.records) stored.set(`${partition}/${record.offset}`, record)
    }
    for (const { sent, places } of this.#requests.flat()) {
      if (places === undefined) continue
      for (const [index, { partition, offset, timestamp }] of places.entries()) {
        const at = `${partition}/${offset}`
        const record = stored.get(at)
        assert.ok(record !== undefined, `${at} is not in the log, or two requests were told of it`)
        assert.deepEqual(
          [record.key ?? null, record.value, record.timestamp],
          [sent[index]!.key ?? null, sent[index]!.value, timestamp],
        )
        stored.delete(at)
      }
    }
    assert.deepEqual([...stored.keys()], [], 'there are records that no answer told of')
  }

  async #publish(who: number, records: readonly Sent[], times: number): Promise<void> {
    if (await this.#hasPartial(who)) return this.#repeat(who, 0, times)
    const number = this.#next[who]!
    const sent = records.map((record) => ({ ...record, value: `${record.value ?? ''}#${this.#serial++}` }))
    const headers = this.#headers(who, number)
    const request: Request = {
      headers,
      body: JSON.stringify({ records: sent }),
      sent,
      places: undefined,
      isPartial: false,
    }
    const isBad = sent.some(({ partition = 0 }) => partition >= this.#partitions)
    const replies = await Promise.all(Array.from({ length: times }, () => this.#send(request)))
    if (isBad) {
      for (const { status, body } of replies) assert.deepEqual([status, body.stored], [400, 'no'])
      return
    }
    for (const reply of replies) this.#judge(request, reply)
    if (request.places === undefined && !request.isPartial) return
    this.#requests[who]!.push(request)
    this.#next[who] = number + 1
    const whole = replies.filter(({ status }) => status === 200)
    assert.ok(whole.filter(({ body }) => !body.duplicate).length <= 1, 'two of the same request are no duplicates')
  }

  async #repeat(who: number, back: number, times: number, mayNotFit = false): Promise<void> {
    const request = this.#requests[who]!.at(-1 - back)
    if (request === undefined || (who < 2 && back > 4)) return
    if (this.#isFenced(who, request)) return this.#oldEpoch(who, request)
    const wasPartial = request.isPartial && request.places === undefined
    for (const reply of await Promise.all(Array.from({ length: times }, () => this.#send(request)))) {
      if (wasPartial && mayNotFit && reply.status === 413) assert.equal(reply.body.stored, 'partial')
      else this.#judge(request, reply, true)
    }
  }

  async #otherBody(who: number, back: number): Promise<void> {
    const request = this.#requests[who]!.at(-1 - back)
    if (request === undefined || (who < 2 && back > 4) || this.#isFenced(who, request)) return
    const { status, body } = await this.#send({ ...request, body: `${request.body} ` })
    assert.deepEqual([status, body.code, body.stored], [422, 'IDEMPOTENCY_MISMATCH', 'no'])
  }

  async #skip(who: number, ahead: number): Promise<void> {
    if (who === 2) return
    const expected = (await this.#hasPartial(who)) ? this.#next[who]! - 1 : this.#next[who]!
    const number = expected + 5 + ahead
    const request = { headers: this.#headers(who, number), body: '{"records":[{"value":"skipped"}]}' }
    const { status, body } = await this.#send(request)
    assert.equal(status, 409)
    if (this.#requests[who]!.length === 0) return assert.equal(body.code, 'UNKNOWN_PRODUCER_ID')
    assert.deepEqual([body.code, body.expectedSequence, body.stored], ['OUT_OF_ORDER_SEQUENCE_NUMBER', expected, 'no'])
  }

  async #loseCount(who: number): Promise<void> {
    if (who === 2) return
    await this.#completeLast(who)
    const { status, body } = await this.#call('GET', `/producers/producer-${who}`, undefined, true)
    if (this.#requests[who]!.length === 0) return assert.deepEqual([status, body.code], [404, 'UNKNOWN_PRODUCER_ID'])
    const [epoch, next] = [this.#epochs[who]!, this.#next[who]!]
    assert.deepEqual(body, { epoch, nextSequence: next })
    this.#epochs[who] = epoch + 1
    this.#next[who] = 0
    await this.#publish(who, [{ value: 'after the loss', partition: 0 }], 1)
    // Refused, or failed: the old epoch is still in force.
    if (this.#next[who] === 0) {
      this.#epochs[who] = epoch
      this.#next[who] = next
    }
  }

  /** It may be a repeat of what was stored then, or new: nobody remembers. */
  async #oldEpoch(
    who: number,
    { headers, body }: Pick<Request, 'headers' | 'body'> = this.#zombie(who),
  ): Promise<void> {
    if (who === 2 || this.#epochs[who] === 0) return
    const reply = await this.#send({ headers, body })
    assert.deepEqual([reply.status, reply.body.code, reply.body.stored], [409, 'PRODUCER_FENCED', 'unknown'])
  }

  #zombie(who: number): Pick<Request, 'headers' | 'body'> {
    const headers = { ...this.#headers(who, this.#next[who]!), 'producer-epoch': String(this.#epochs[who]! - 1) }
    return { headers, body: '{"records":[{"value":"zombie"}]}' }
  }

  #isFenced(who: number, { headers }: Request): boolean {
    return who < 2 && Number(headers['producer-epoch'] ?? 0) < this.#epochs[who]!
  }

  async #recreate(): Promise<void> {
    await this.take({ kind: 'mend' })
    await this.check()
    await this.#call('DELETE', '')
    this.#partitions = 2
    await this.create()
    for (const who of [0, 1, 2]) {
      this.#requests[who] = []
      this.#epochs[who] = 0
      this.#next[who] = who === 2 ? this.#next[who]! : 0
    }
  }

  async #hasPartial(who: number): Promise<boolean> {
    const last = this.#requests[who]!.at(-1)
    return last !== undefined && last.places === undefined
  }

  /** With nothing broken, the last request can be stored whole. */
  async #completeLast(who: number): Promise<void> {
    if (!(await this.#hasPartial(who))) return
    this.#broken.clear()
    this.#setFailures()
    await this.#repeat(who, 0, 1)
    assert.equal(await this.#hasPartial(who), false)
  }

  #judge(request: Request, { status, body }: Reply, isRepeat = false): void {
    if (status === 200) {
      request.places ??= body.records
      assert.deepEqual(body.records, request.places)
      if (isRepeat) assert.equal(body.duplicate, true)
      return
    }
    assert.equal(request.places, undefined, `stored whole, then answered ${status}`)
    assert.equal(status, 503, JSON.stringify(body))
    assert.ok(['no', 'partial'].includes(body.stored), body.stored)
    if (body.stored === 'partial') request.isPartial = true
    else assert.equal(request.isPartial, false, 'stored in part, then answered stored: no')
  }

  #headers(who: number, number: number): Record<string, string> {
    if (who === 2) return { 'idempotency-key': `key-${number}` }
    return {
      'producer-id': `producer-${who}`,
      'producer-sequence': String(number),
      ...(this.#epochs[who]! > 0 && { 'producer-epoch': String(this.#epochs[who]) }),
    }
  }

  #setFailures(): void {
    const error = new BrokerError('KAFKA_STORAGE_ERROR', 'The disk is gone.', { stored: 'no' })
    for (let partition = 0; partition < this.#partitions; partition++) {
      this.#server.engine.memoryPartition(this.#topic, partition).failure = this.#broken.has(partition)
        ? error
        : undefined
    }
  }

  async #send({ headers, body }: Pick<Request, 'headers' | 'body'>): Promise<Reply> {
    const reply = await this.#server.app.inject({
      method: 'POST',
      url: `/topics/${this.#topic}/records`,
      headers: { 'content-type': 'application/json', ...headers },
      payload: body,
    })
    return { status: reply.statusCode, body: reply.json() }
  }

  async #call(
    method: 'GET' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    mayFail = false,
  ): Promise<Reply> {
    const url = `/topics/${this.#topic}${path}`
    const reply = await this.#server.app.inject({ method, url, ...(body !== undefined && { payload: body }) })
    assert.ok(mayFail || reply.statusCode < 300, reply.payload)
    return { status: reply.statusCode, body: reply.payload === '' ? undefined : reply.json() }
  }
}

interface Reply {
  readonly status: number
  readonly body: AnyJson
}

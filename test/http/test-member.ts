import assert from 'node:assert/strict'
import type { ApiServer } from './api-server.ts'

interface Partitions {
  readonly topic: string
  readonly partitions: number[]
}

export interface Page {
  readonly records: readonly { topic: string; partition: number; offset: number; value: string }[]
  readonly memberEpoch: number
  readonly assignment: readonly Partitions[]
  readonly revoking: readonly Partitions[]
  readonly cursor: string
  readonly upToDate: boolean
  readonly partitions: readonly { topic: string; partition: number; nextOffset: number }[]
  readonly gaps: readonly unknown[]
  readonly partitionErrors?: readonly unknown[]
  /** Sorted. */
  readonly values: readonly string[]
}

/** A client of one member, which uses the newest cursor of any reply. */
export class TestMember {
  readonly path: string
  readonly #server: ApiServer
  readonly #group: string
  cursor = ''

  constructor(server: ApiServer, memberId: string, group = 'billing') {
    this.#server = server
    this.#group = group
    this.path = `/consumer-groups/${group}/members/${memberId}`
  }

  async join(body: object = { topics: ['orders'] }) {
    const response = await this.#server.api.put(this.path).send(body)
    assert.ok(response.status === 200 || response.status === 201, response.text)
    this.cursor = response.body.cursor
    return response
  }

  fetch({ cursor = this.cursor, query = '' } = {}) {
    return this.#server.api.get(`${this.path}/records?cursor=${cursor}${query}`)
  }

  async page(options: { cursor?: string; query?: string } = {}): Promise<Page> {
    const response = await this.fetch(options)
    assert.equal(response.status, 200, response.text)
    this.cursor = response.body.cursor
    return { ...response.body, values: response.body.records.map(({ value }: { value: string }) => value).sort() }
  }

  async heartbeat(released?: readonly object[]) {
    const response = await this.#server.api.post(`${this.path}/heartbeat`).send({ cursor: this.cursor, released })
    if (response.status === 200) this.cursor = response.body.cursor
    return response
  }

  commit(body: object = { cursor: this.cursor }) {
    return this.#server.api.post(`/consumer-groups/${this.#group}/offsets`).send(body)
  }

  async committed(): Promise<readonly object[]> {
    const response = await this.commit()
    assert.equal(response.status, 200, response.text)
    return response.body.items
  }

  leave(query = '') {
    return this.#server.api.delete(`${this.path}${query}`)
  }
}

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Journal, now, type PartitionOffset } from './journal.ts'
import { MemberHandle } from './member-handle.ts'
import { callUntilAnswered } from './repeating-client.ts'

export const GROUP = 'workers'
export const TOPIC = 'work'

export interface LiveGroupOptions {
  /** One server, or a balancer before many. */
  readonly server: { readonly url: string }
  readonly journals: string
  /** Default: `GROUP` reads `TOPIC`. */
  readonly group?: string
  readonly topic?: string
  readonly maxPollIntervalMs: number
  /** Where members find the server, if not at its own address. */
  readonly memberUrl?: string
  readonly waitMs?: number
  readonly workMs?: number
}

interface OffsetItem {
  readonly partition: number
  readonly nextOffset: number | null
  readonly endOffset: number
}

export interface GroupView {
  readonly state: string
  readonly members: readonly { readonly memberId: string; readonly memberEpoch: number; readonly assignment: object }[]
}

/** A group of member processes over one topic, and somebody who publishes to it and looks on. */
export class LiveGroup {
  readonly members: MemberHandle[] = []
  readonly #options: LiveGroupOptions
  readonly #journal: Journal
  readonly #group: string
  readonly #topic: string
  #started = 0

  constructor(options: LiveGroupOptions) {
    this.#options = options
    this.#group = options.group ?? GROUP
    this.#topic = options.topic ?? TOPIC
    this.#journal = new Journal(join(options.journals, 'onlooker'))
  }

  get url(): string {
    return this.#options.server.url
  }

  join(as: { readonly memberId?: string; readonly instanceId?: string } = {}): MemberHandle {
    const number = ++this.#started
    const { memberId = `member-${number}`, instanceId } = as
    const member = new MemberHandle({
      server: this.#options.memberUrl ?? this.url,
      group: this.#group,
      topic: this.#topic,
      memberId,
      ...(instanceId !== undefined && { instanceId }),
      journal: join(this.#options.journals, `${String(number).padStart(3, '0')}-${memberId}`),
      maxPollIntervalMs: this.#options.maxPollIntervalMs,
      waitMs: this.#options.waitMs ?? 1500,
      workMs: this.#options.workMs ?? 60,
    })
    this.members.push(member)
    return member
  }

  async leave(member: MemberHandle): Promise<void> {
    assert.equal(await member.leave(), 0, member.stderr)
    this.#forget(member)
  }

  async leaveAll(): Promise<void> {
    for (let member = this.members[0]; member; member = this.members[0]) await this.leave(member)
  }

  async kill9(member: MemberHandle): Promise<void> {
    await member.kill9()
    this.#forget(member)
  }

  /** It left its sockets open, and knows nothing of the time that passes. */
  async stop(member: MemberHandle, forMs: number): Promise<void> {
    member.signal('SIGSTOP')
    await sleep(forMs)
    member.signal('SIGCONT')
  }

  /** Stops it between a page and its commit. */
  async stall(member: MemberHandle, forMs: number): Promise<void> {
    member.misbehave('stall')
    await sleep(forMs)
    member.signal('SIGCONT')
  }

  async createTopic(partitions: number): Promise<void> {
    const { status, body } = await callUntilAnswered('PUT', `${this.url}/topics/${this.#topic}`, { partitions })
    assert.ok(status === 200 || status === 201, JSON.stringify(body))
  }

  async raisePartitions(partitions: number): Promise<void> {
    const { status, body } = await callUntilAnswered('PATCH', `${this.url}/topics/${this.#topic}`, { partitions })
    assert.equal(status, 200, JSON.stringify(body))
  }

  /** Publishes evenly over the time; resolves with the places that were acknowledged. */
  async publish(recordCount: number, overMs: number, perRequest: number): Promise<number> {
    const began = now()
    let acknowledged = 0
    for (let first = 0; first < recordCount; first += perRequest) {
      const count = Math.min(perRequest, recordCount - first)
      const records = Array.from({ length: count }, (_, index) => ({
        key: `key-${(first + index) % 997}`,
        value: { number: first + index, note: 'x'.repeat(60) },
      }))
      const { status, body } = await callUntilAnswered('POST', `${this.url}/topics/${this.#topic}/records`, { records })
      assert.equal(status, 200, JSON.stringify(body))
      acknowledged += count
      await sleep(Math.max(0, began + (overMs * (first + count)) / recordCount - now()))
    }
    return acknowledged
  }

  /** How far the committed offsets are behind; Infinity where there is no group yet. */
  async lag(): Promise<number> {
    let lag = 0
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const url = `${this.url}/consumer-groups/${this.#group}/offsets?limit=1000${query}`
      const answer = await callUntilAnswered('GET', url)
      if (answer.status === 404) return Infinity
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      const page = answer.body as { readonly items: readonly OffsetItem[]; readonly nextCursor: string | null }
      const { first, sent, received } = answer
      const items = page.items.flatMap(({ partition, nextOffset }): PartitionOffset[] =>
        nextOffset === null ? [] : [[partition, nextOffset]],
      )
      this.#journal.write({ kind: 'observed', items, first, sent, received })
      lag += page.items.reduce((sum, { nextOffset, endOffset }) => sum + endOffset - (nextOffset ?? 0), 0)
      cursor = page.nextCursor
    }
    return lag
  }

  async logEnds(partitions: number): Promise<number[]> {
    const { body } = await callUntilAnswered('GET', `${this.url}/topics/${this.#topic}/offsets?at=latest&limit=1000`)
    const { items } = body as { readonly items: readonly { readonly partition: number; readonly offset: number }[] }
    const ends = Array.from({ length: partitions }, () => 0)
    for (const { partition, offset } of items) ends[partition] = offset
    return ends
  }

  async describe(): Promise<GroupView> {
    const { status, body } = await callUntilAnswered('GET', `${this.url}/consumer-groups/${this.#group}`)
    assert.equal(status, 200, JSON.stringify(body))
    return body as GroupView
  }

  /** Fails when that does not come about within the time. */
  async until(what: string, forMs: number, condition: () => Promise<boolean>): Promise<void> {
    const deadline = now() + forMs
    while (!(await condition())) {
      for (const member of this.members) assert.ok(!member.hasEnded, `a member gave up: ${member.stderr}`)
      assert.ok(now() < deadline, `waited ${forMs} ms in vain: ${what}`)
      await sleep(100)
    }
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.members].map((member) => member.kill9()))
  }

  #forget(member: MemberHandle): void {
    this.members.splice(this.members.indexOf(member), 1)
  }
}

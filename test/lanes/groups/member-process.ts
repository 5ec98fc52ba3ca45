import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Journal, now, type PartitionOffset } from './journal.ts'
import { type Answer, callUntilAnswered } from './repeating-client.ts'

/*
 * A member as a process of its own. It works off pages in random time, commits most of them, and writes down what it was
 * told and did. Lines on its standard input make it misbehave: `stall` stops the process between the next page and its
 * commit, `hang` lets it heartbeat and do nothing else until its membership is over.
 *
 *   node test/lanes/groups/member-process.ts '<MemberProcessOptions as JSON>'
 */
export interface MemberProcessOptions {
  readonly server: string
  readonly group: string
  readonly topic: string
  readonly memberId: string
  readonly instanceId?: string
  readonly journal: string
  readonly maxPollIntervalMs: number
  readonly waitMs: number
  /** The work for a page takes up to so long. */
  readonly workMs: number
}

interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

interface MemberReply {
  readonly memberEpoch: number
  readonly cursor: string
  readonly assignment: readonly TopicPartitions[]
  readonly revoking?: readonly TopicPartitions[]
}

interface JoinReply extends MemberReply {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
}

interface PageReply extends MemberReply {
  readonly records: readonly { readonly partition: number; readonly offset: number }[]
  readonly partitions: readonly { readonly partition: number; readonly nextOffset: number }[]
  readonly gaps: readonly object[]
  readonly partitionErrors?: readonly object[]
}

interface CommittedItem {
  readonly partition: number
  readonly nextOffset: number
}

interface Problem {
  readonly code: string
  readonly recovery: string
  readonly committed?: readonly CommittedItem[]
  readonly refused?: readonly { readonly partition: number }[]
}

const COMMIT_SHARE = 0.7
const PARTIAL_COMMIT_SHARE = 0.1
const LONG_WORK_SHARE = 0.04
const LATE_COMMIT_SHARE = 0.5
const CHUNKS_OF_LONG_WORK = 4

class MemberProcess {
  readonly #options: MemberProcessOptions
  readonly #journal: Journal
  readonly #groupUrl: string
  readonly #memberUrl: string
  #cursor = ''
  #heartbeatIntervalMs = 1000
  #revoking: number[] = []
  /** Worked off, but not known to be committed. */
  #positions = new Map<number, number>()
  /** How far it has ever read. */
  readonly #read = new Map<number, number>()
  #lost = false
  #stopped = false
  #stalls = false
  #hangs = false

  constructor(options: MemberProcessOptions) {
    this.#options = options
    this.#journal = new Journal(options.journal)
    this.#groupUrl = `${options.server}/consumer-groups/${options.group}`
    this.#memberUrl = `${this.#groupUrl}/members/${options.memberId}`
    process.on('SIGTERM', () => (this.#stopped = true))
    const lines = createInterface({ input: process.stdin })
    lines.on('line', (line) => {
      if (line === 'stall') this.#stalls = true
      if (line === 'hang') this.#hangs = true
    })
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      this.#lost = false
      await this.#join()
      while (!this.#stopped && !this.#lost) await this.#turn()
    }
    this.#journal.write({ kind: 'leaving', at: now() })
    const left = await callUntilAnswered('DELETE', this.#memberUrl)
    if (left.status !== 204) this.#wrong(left, 'leaving')
    process.exit(0)
  }

  async #join(): Promise<void> {
    const { topic, memberId, instanceId, maxPollIntervalMs } = this.#options
    const body = { topics: [topic], maxPollIntervalMs, ...(instanceId !== undefined && { instanceId }) }
    const answer = await callUntilAnswered('PUT', this.#memberUrl, body)
    if (answer.status !== 200 && answer.status !== 201) return this.#wrong(answer, 'joining')
    const reply = answer.body as JoinReply
    this.#heartbeatIntervalMs = reply.heartbeatIntervalMs
    this.#positions.clear()
    const { sessionTimeoutMs } = reply
    const owner = instanceId ?? memberId
    this.#journal.write({
      kind: 'joined',
      memberId,
      owner,
      sessionTimeoutMs,
      maxPollIntervalMs,
      ...this.#take(answer),
    })
  }

  async #turn(): Promise<void> {
    const url = `${this.#memberUrl}/records?cursor=${this.#cursor}&waitMs=${this.#options.waitMs}&maxRecords=200`
    const answer = await callUntilAnswered('GET', url)
    if (answer.status !== 200) return this.#refusedOr(answer, 'fetching')
    const page = answer.body as PageReply
    this.#journal.write({ kind: 'page', ranges: this.#ranges(page), ...this.#take(answer) })
    const stalled = this.#stalls && page.records.length > 0
    if (stalled) {
      this.#stalls = false
      process.kill(process.pid, 'SIGSTOP')
      // A signal reaches a process a moment after it was sent.
      await sleep(10)
    } else if (this.#hangs) await this.#hang()
    else if (page.records.length > 0) await this.#work()
    if (this.#lost) return
    const worked = page.records.length > 0
    if (worked && this.#revoking.length === 0 && Math.random() < PARTIAL_COMMIT_SHARE)
      await this.#commitFirstRecord(page)
    for (const { partition, nextOffset } of page.partitions) {
      this.#positions.set(partition, nextOffset)
      this.#read.set(partition, nextOffset)
    }
    const share = worked ? COMMIT_SHARE : 1
    if (this.#revoking.length > 0 || stalled || (this.#positions.size > 0 && Math.random() < share))
      await this.#commit()
  }

  async #work(): Promise<void> {
    if (Math.random() >= LONG_WORK_SHARE) return sleep(Math.random() * this.#options.workMs)
    for (let chunk = 0; chunk < CHUNKS_OF_LONG_WORK && !this.#lost; chunk++) {
      await sleep(this.#heartbeatIntervalMs)
      await this.#heartbeat()
    }
  }

  async #hang(): Promise<void> {
    this.#hangs = false
    while (!this.#lost && !this.#stopped) {
      await sleep(this.#heartbeatIntervalMs)
      await this.#heartbeat()
    }
  }

  async #heartbeat(): Promise<void> {
    const answer = await callUntilAnswered('POST', `${this.#memberUrl}/heartbeat`, { cursor: this.#cursor })
    if (answer.status !== 200) return this.#refusedOr(answer, 'heartbeating')
    this.#journal.write({ kind: 'beat', ...this.#take(answer) })
  }

  /** The last processed record plus one, beside the cursor: half a page, so to say. */
  async #commitFirstRecord(page: PageReply): Promise<void> {
    const { partition = 0, offset = 0 } = page.records[0] ?? {}
    const offsets = [{ topic: this.#options.topic, partition, nextOffset: offset + 1 }]
    await this.#send({ cursor: this.#cursor, offsets }, [[partition, offset + 1]])
  }

  async #commit(): Promise<void> {
    const released = this.#revoking.filter((partition) => this.#read.has(partition))
    await this.#send({ cursor: this.#cursor }, [...this.#positions])
    this.#positions.clear()
    if (released.length > 0 && !this.#lost && Math.random() < LATE_COMMIT_SHARE) await this.#commitLate(released)
  }

  /** A record more of what it has let go of: must be refused, unless the next owner has committed as much. */
  async #commitLate(released: readonly number[]): Promise<void> {
    const offered = released.map((partition): PartitionOffset => [partition, (this.#read.get(partition) ?? 0) + 1])
    const { topic } = this.#options
    const offsets = offered.map(([partition, nextOffset]) => ({ topic, partition, nextOffset }))
    this.#revoking = []
    await this.#send({ cursor: this.#cursor, offsets }, offered)
  }

  async #send(body: object, offered: readonly PartitionOffset[]): Promise<void> {
    this.#journal.write({ kind: 'committing', at: now(), offered, released: this.#revoking })
    const answer = await callUntilAnswered('POST', `${this.#groupUrl}/offsets`, body)
    const { first, sent, received } = answer
    const problem = answer.body as Problem
    // Nobody has published that record yet.
    if (answer.status === 416) return
    const stale = answer.status === 409 && problem.code === 'STALE_MEMBER_EPOCH'
    if (answer.status !== 200 && !stale) return this.#refusedOr(answer, 'committing')
    const items = stale ? (problem.committed ?? []) : (answer.body as { items: readonly CommittedItem[] }).items
    this.#journal.write({
      kind: 'committed',
      offered,
      items: items.map(({ partition, nextOffset }) => [partition, nextOffset]),
      refused: stale ? (problem.refused ?? []).map(({ partition }) => partition) : [],
      first,
      sent,
      received,
    })
  }

  /** Remembers what a reply says of the member, and gives the columns of its line. */
  #take({ first, sent, received, body }: Answer): {
    readonly first: number
    readonly sent: number
    readonly received: number
    readonly epoch: number
    readonly assignment: readonly number[]
    readonly revoking: readonly number[]
  } {
    const reply = body as MemberReply
    this.#cursor = reply.cursor
    this.#revoking = this.#partitionsOf(reply.revoking ?? [])
    const assignment = this.#partitionsOf(reply.assignment)
    const held = new Set([...assignment, ...this.#revoking])
    for (const partition of this.#positions.keys()) if (!held.has(partition)) this.#positions.delete(partition)
    return { first, sent, received, epoch: reply.memberEpoch, assignment, revoking: this.#revoking }
  }

  #partitionsOf(topics: readonly TopicPartitions[]): number[] {
    return topics.filter(({ topic }) => topic === this.#options.topic).flatMap(({ partitions }) => partitions)
  }

  /** From offset to offset for each partition; nothing may be left out between. */
  #ranges(page: PageReply): [number, number, number][] {
    const ranges = new Map<number, [number, number, number]>()
    for (const { partition, offset } of page.records) {
      const range = ranges.get(partition)
      if (range === undefined) ranges.set(partition, [partition, offset, offset + 1])
      else if (range[2] === offset) range[2] = offset + 1
      else this.#journal.write({ kind: 'wrong', at: now(), text: `${partition}/${offset} follows ${range[2] - 1}` })
    }
    for (const { partition, nextOffset } of page.partitions) {
      const end = ranges.get(partition)?.[2]
      if (end !== undefined && end !== nextOffset) {
        const text = `the page of ${partition} ends at ${end} and says ${nextOffset}`
        this.#journal.write({ kind: 'wrong', at: now(), text })
      }
    }
    const troubles = [...page.gaps, ...(page.partitionErrors ?? [])]
    if (troubles.length > 0) this.#journal.write({ kind: 'wrong', at: now(), text: JSON.stringify(troubles) })
    return [...ranges.values()]
  }

  #refusedOr(answer: Answer, doing: string): void {
    const { code, recovery } = (answer.body ?? {}) as Partial<Problem>
    if (code === undefined || recovery !== 'rejoin') return this.#wrong(answer, doing)
    const { first, sent, received } = answer
    this.#journal.write({ kind: 'lost', code, doing, first, sent, received })
    this.#lost = true
  }

  /** An answer that no client should ever get. */
  #wrong({ status, body }: Answer, doing: string): void {
    const text = `${doing}: ${status} ${JSON.stringify(body)?.slice(0, 500)}`
    this.#journal.write({ kind: 'wrong', at: now(), text })
    process.stderr.write(`${this.#options.memberId} ${text}\n`)
    process.exit(1)
  }
}

await new MemberProcess(JSON.parse(process.argv[2] ?? '') as MemberProcessOptions).run()

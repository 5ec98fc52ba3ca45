import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { CrashServer } from './crash/crash-server.ts'
import { FullDiskCommitter } from './crash/full-disk/committer.ts'
import { FillingPublisher, type FillingPublisherOptions } from './crash/full-disk/filling-publisher.ts'
import { missingForSmallDisks, SmallDisk } from './crash/full-disk/small-disk.ts'
import { StoredRecords } from './crash/full-disk/stored-records.ts'
import { cyclesOf, skipUnless } from './crash/scale.ts'
import { api, type Answer } from './keeping/api.ts'

/**
 * A disk that publishing fills, round after round: reads and commits go on, publishing is refused and says so, through
 * restarts and crashes; a few seconds behind space coming back it goes on by itself, and nothing acknowledged is lost.
 */

const MIB = 1024 * 1024
const DISK_MIB = 256
const BEFORE_MIB = 96
const PARTITIONS = 4
const ROUNDS = cyclesOf({ inCi: 5, long: 50 })
const RESUMES_MS = 5000
/** That there are records for. */
const COMMITS_MAX = 10_000 * Math.max(1, ROUNDS / 5)
const STRANGER = 'stranger'

const skip = skipUnless(missingForSmallDisks())

/** How space comes back, in turn: the topic is that of the round before. */
const ways = ['a stranger’s file goes', 'a topic is deleted', 'records are deleted', 'retention'] as const

class FullDisk {
  readonly disk: SmallDisk
  readonly server: CrashServer
  readonly records = new StoredRecords()
  readonly publishers: readonly FillingPublisher[]
  readonly committers: readonly FullDiskCommitter[]
  readonly resumedMs: number[] = []
  restarts = 0

  constructor(disk: SmallDisk, server: CrashServer, options: Partial<FillingPublisherOptions>) {
    this.disk = disk
    this.server = server
    const url = (): string => server.url
    this.publishers = (['sequence', 'plain', 'sequence', 'plain'] as const).map(
      (kind, index) => new FillingPublisher({ name: `${kind}-${index}`, kind, url, records: this.records, ...options }),
    )
    this.committers = ['billing', 'audit'].map((group) => new FullDiskCommitter(group, url))
  }

  static async start(t: TestContext, options: Partial<FillingPublisherOptions> = {}): Promise<FullDisk> {
    const disk = SmallDisk.mount(t, DISK_MIB)
    disk.fill('what was there before', BEFORE_MIB * MIB)
    const server = await CrashServer.on([`${disk.path}/data`], ['log.retention.check.interval.ms=200'])
    cleanUpBehind(t, () => server.kill9())
    await server.start()
    const lane = new FullDisk(disk, server, options)
    cleanUpBehind(t, () => lane.publishers.forEach((publisher) => publisher.end()))
    await lane.ask('PUT', '/topics/tasks', { partitions: 1 })
    const records = Array.from({ length: 10_000 }, () => ({ value: 'done' }))
    for (let sent = 0; sent < COMMITS_MAX; sent += records.length) {
      await lane.ask('POST', '/topics/tasks/records', { records })
    }
    return lane
  }

  call(method: string, path: string, body?: unknown): Promise<Answer> {
    return api(this.server.url, method, path, body)
  }

  async ask(method: string, path: string, body?: unknown): Promise<Answer['body']> {
    const answer = await this.call(method, path, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  get acknowledged(): number {
    return this.publishers.reduce((sum, publisher) => sum + publisher.acknowledged, 0)
  }

  get findings(): string[] {
    return [...this.publishers, ...this.committers].flatMap(({ findings }) => findings)
  }

  async makeTopic(topic: string): Promise<void> {
    const configs = { 'segment.bytes': 4 * MIB, 'file.delete.delay.ms': 100 }
    await this.ask('PUT', `/topics/${topic}`, { partitions: PARTITIONS, configs })
  }

  async until(what: string, forMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
    const from = performance.now()
    while (!(await holds())) {
      const seen = [...this.findings.slice(0, 3), ...this.server.output.slice(-3)].join('\n')
      assert.ok(performance.now() - from < forMs, `waited ${forMs} ms in vain: ${what}\n${seen}`)
      await sleep(20)
    }
  }

  async saysFull(): Promise<boolean> {
    return (await this.call('GET', '/health/ready')).text.includes('disk-full')
  }

  /** Health says so, reads are answered, groups stand where they were. */
  async checkWhileFull(topic: string): Promise<void> {
    // A start may find room for a request smaller than those that were refused.
    await this.until('health says so', 3000, () => this.saysFull())
    const page = await this.ask('GET', `/topics/${topic}/partitions/0/records?offset=0&maxRecords=1`)
    assert.equal(page.records.length, 1)
    await this.until('the groups are served', 5000, async () => {
      const { status } = await this.call('GET', '/consumer-groups/billing/offsets')
      return status === 200
    })
    for (const committer of this.committers) await committer.check()
  }

  async restart(how: 'clean' | 'kill -9'): Promise<void> {
    if (how === 'clean') assert.equal(await this.server.stop(), 0)
    else await this.server.kill9()
    await this.server.start()
    this.restarts++
  }

  /** Each publisher is acknowledged something again. */
  async resumes(since: number): Promise<void> {
    const goOn = this.publishers.map(({ acknowledged }) => acknowledged)
    await this.until('publishing goes on', RESUMES_MS, () =>
      this.publishers.every(({ acknowledged }, index) => acknowledged > (goOn[index] ?? 0)),
    )
    this.resumedMs.push(performance.now() - since)
    await this.until('health says nothing of it any more', RESUMES_MS, async () => !(await this.saysFull()))
  }
}

async function free(lane: FullDisk, way: (typeof ways)[number], topic: string): Promise<void> {
  if (way === 'a stranger’s file goes') lane.disk.remove(STRANGER)
  else if (way === 'a topic is deleted') await lane.ask('DELETE', `/topics/${topic}`)
  else if (way === 'retention') await lane.ask('PATCH', `/topics/${topic}`, { configs: { 'retention.ms': 1 } })
  else {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { highWatermark } = await lane.ask('GET', `/topics/${topic}/partitions/${partition}`)
      await lane.ask('DELETE', `/topics/${topic}/partitions/${partition}/records?beforeOffset=${highWatermark}`)
    }
  }
}

/** One topic is filled until the disk is full, and space comes back. */
async function round(lane: FullDisk, number: number): Promise<void> {
  const topic = `round-${number}`
  const isLastByte = number % ROUND_KINDS === ROUND_KINDS - 1
  const way = isLastByte ? 'a topic is deleted' : (ways[number % ROUND_KINDS] ?? 'retention')
  if (way === 'a stranger’s file goes') lane.disk.fill(STRANGER, 30 * MIB)
  await lane.makeTopic(topic)
  const enough = new AbortController()
  const running = lane.publishers.map((publisher) => publisher.run(topic, enough.signal))
  await lane.until('the disk is full', 60_000, () => lane.publishers.every(({ isRefused }) => isRefused))
  await lane.checkWhileFull(topic)
  await lane.restart(number % 2 === 0 ? 'clean' : 'kill -9')
  await lane.checkWhileFull(topic)
  if (isLastByte) await lastByte(lane, topic)
  const since = performance.now()
  await free(lane, way, `round-${number - 1}`)
  if (isLastByte) {
    assert.ok(lane.disk.freeBytes > 0, 'deleting a topic frees space on a disk without a free byte')
    lane.disk.remove(STRANGER)
  }
  await lane.resumes(since)
  enough.abort()
  await Promise.all(running)
  if (isLastByte) {
    for (const committer of lane.committers) committer.mayBeRefused = false
  }
  const findings = await lane.records.audit(lane.server.url, topic, PARTITIONS)
  assert.deepEqual([...findings, ...lane.findings].slice(0, 10), [])
}

const ROUND_KINDS = ways.length + 1

/** Somebody takes what was kept free as well, while the server runs, and while it starts. */
async function lastByte(lane: FullDisk, topic: string): Promise<void> {
  for (const committer of lane.committers) committer.mayBeRefused = true
  lane.disk.fill(STRANGER)
  assert.equal(lane.disk.freeBytes, 0)
  await lane.checkWhileFull(topic)
  for (const how of ['kill -9', 'clean'] as const) {
    await lane.restart(how)
    assert.ok(await lane.saysFull(), `health does not say at once that the disk is full: ${how}`)
    await lane.checkWhileFull(topic)
  }
}

test(
  `a disk of ${DISK_MIB} MiB that is full, ${ROUNDS} times`,
  { skip, timeout: 60_000 + ROUNDS * 30_000 },
  async (t) => {
    const lane = await FullDisk.start(t)
    const over = new AbortController()
    const committing = lane.committers.map((committer) => committer.run(over.signal))
    cleanUpBehind(t, () => over.abort())
    for (let number = 0; number < ROUNDS; number++) await round(lane, number)
    over.abort()
    await Promise.all(committing)
    for (const committer of lane.committers) await committer.check()
    assert.deepEqual(lane.findings.slice(0, 10), [])
    assert.ok(lane.committers.every(({ committed }) => committed > 20 * ROUNDS))
    const refused = lane.publishers.reduce((sum, publisher) => sum + publisher.refused, 0)
    assert.ok(refused > 10 * ROUNDS, 'hardly anything was refused')
    const slowest = Math.max(...lane.resumedMs)
    t.diagnostic(
      `${ROUNDS} rounds, ${lane.restarts} restarts on the full disk: ${lane.acknowledged} records acknowledged, 0 lost; ` +
        `${lane.records.audited} read back; ${refused} publishes refused; ` +
        `${lane.committers.reduce((sum, { committed }) => sum + committed, 0)} commits; ` +
        `resumed within ${slowest.toFixed(0)} ms at most`,
    )
  },
)

/** Of the refusals some are passed on as what they are not. */
function everyTenthRefusal(change: (answer: Answer) => Answer): (answer: Answer) => Answer {
  let refusals = 0
  return (answer) => (answer.status === 503 && ++refusals % 10 === 1 ? change(answer) : answer)
}

for (const { fault, change, shows } of [
  {
    fault: 'a server acknowledged what it has no room for',
    change: (answer: Answer): Answer => ({
      ...answer,
      status: 200,
      body: { records: [{ partition: 0, offset: 1_000_000 }] },
    }),
    shows: /was acknowledged at 0\/1000000 and is not there/,
  },
  {
    fault: 'a refusal said that nobody knows',
    change: (answer: Answer): Answer => ({ ...answer, body: { ...answer.body, stored: 'unknown' } }),
    shows: /was refused with 503/,
  },
]) {
  test(`it would be seen if ${fault}`, { skip, timeout: 60_000 }, async (t) => {
    const lane = await FullDisk.start(t, { alter: everyTenthRefusal(change) })
    lane.disk.fill(STRANGER, 40 * MIB)
    await lane.makeTopic('orders')
    const enough = new AbortController()
    const running = lane.publishers.map((publisher) => publisher.run('orders', enough.signal))
    await lane.until('much is refused', 30_000, () =>
      lane.publishers.every(({ kind, refused }) => kind === 'sequence' || refused > 12),
    )
    lane.disk.remove(STRANGER)
    enough.abort()
    await Promise.all(running)
    const findings = [...(await lane.records.audit(lane.server.url, 'orders', PARTITIONS)), ...lane.findings]
    assert.ok(
      findings.some((finding) => shows.test(finding)),
      JSON.stringify(findings.slice(0, 5)),
    )
  })
}

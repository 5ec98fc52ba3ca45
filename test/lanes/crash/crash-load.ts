import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { accountOf } from '../groups/account.ts'
import { now, readJournals } from '../groups/journal.ts'
import { LiveGroup } from '../groups/live-group.ts'
import { CommitHistory } from './commit-history.ts'
import { Committer } from './committer.ts'
import { Findings } from './findings.ts'
import { Gate } from './gate.ts'
import { jsonCall } from './http-call.ts'
import { LiveReader } from './live-reader.ts'
import { LoadPublisher, type PublisherKind } from './load-publisher.ts'
import { readPartitions } from './read-partitions.ts'
import { readTopics, TopicChurn } from './topic-churn.ts'
import { type Crash, TopicHistory, type TopicRules } from './topic-history.ts'
import { TopicModel } from './topic-model.ts'

const MIB = 1024 * 1024
const RETENTION_BYTES = 4 * MIB

export const loadSettings = [
  'journal.file.bytes=8388608',
  'journal.direct.min.bytes=65536',
  'log.dir.reserve.bytes=0',
  'log.dir.free.min.bytes=0',
  'log.retention.check.interval.ms=100',
  'log.cleaner.backoff.ms=100',
  'log.cleaner.dedupe.buffer.size=4194304',
  'offsets.topic.num.partitions=4',
  'group.consumer.min.session.timeout.ms=1000',
  'group.consumer.session.timeout.ms=10000',
  'group.consumer.min.heartbeat.interval.ms=100',
  'group.consumer.heartbeat.interval.ms=200',
] as const

const common = { 'segment.bytes': MIB, 'file.delete.delay.ms': 100, 'retention.ms': -1 }

interface LoadTopic extends TopicRules {
  readonly configs: Readonly<Record<string, string | number>>
}

/** Records go by size, by key, and never. */
const topics = {
  orders: {
    topic: 'orders',
    partitions: 3,
    cleanup: 'retention',
    retentionBytes: RETENTION_BYTES,
    configs: { ...common, 'retention.bytes': RETENTION_BYTES },
  },
  state: {
    topic: 'state',
    partitions: 2,
    cleanup: 'compaction',
    configs: { ...common, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.05 },
  },
  work: { topic: 'work', partitions: 4, cleanup: 'nothing', configs: common },
} as const satisfies Record<string, LoadTopic>

type TopicName = keyof typeof topics

const publishers: readonly (readonly [string, PublisherKind, TopicName, pauseMs?: number])[] = [
  ['sequence-orders', 'sequence', 'orders'],
  ['sequence-state', 'sequence', 'state'],
  ['small-sequence-work', 'sequence', 'work', 10],
  ['key-orders', 'key', 'orders'],
  ['kernel-orders', 'kernel', 'orders'],
  ['batches-orders', 'batches', 'orders'],
  ['lines-orders', 'lines', 'orders'],
  ['small-plain-work', 'plain', 'work', 10],
]

const GROUPS = 3
const MEMBERS_A_GROUP = 2
const COMMITTERS = 2
const CHURNS = 2
const DRAIN_MS = 60_000
const PROGRESS_EVERY = 50
/** Calls that are answered between two crashes. */
const FEWEST_TURNS = 5
const MORE_TURNS = 120
const LONGEST_WORK_MS = 1500

export interface CrashLoadOptions {
  readonly server: { readonly url: string }
  /** For what group members write down. */
  readonly folder: string
  readonly random: () => number
  readonly logDirs: number
  /** Default true: whether clients create, change and delete topics too. */
  readonly changesTopics?: boolean
}

/**
 * Everything at once: eight publishers, half of which send again what they got no answer to, readers, three groups with
 * members, scripts that commit offsets, and topics that come and go. Knows what each of them was told, and holds what is
 * found behind a crash against it.
 */
export class CrashLoad {
  readonly findings = new Findings()
  readonly model: TopicModel
  readonly publishers: readonly LoadPublisher[]
  readonly readers: readonly LiveReader[]
  readonly groups: readonly LiveGroup[]
  readonly committers: readonly Committer[]
  readonly commits: readonly CommitHistory[]
  audits = 0
  readonly #options: CrashLoadOptions
  readonly #histories: ReadonlyMap<TopicName, TopicHistory>
  readonly #churns: readonly TopicChurn[]
  readonly #gate = new Gate()
  #loops: Promise<unknown> | undefined

  constructor(options: CrashLoadOptions) {
    const { server, folder, random, logDirs, changesTopics = true } = options
    this.#options = options
    const url = (): string => server.url
    this.model = new TopicModel(this.findings, now)
    const histories = Object.values(topics).map((rules) => new TopicHistory(rules, this.findings, now))
    this.#histories = new Map(histories.map((history) => [history.rules.topic as TopicName, history]))
    this.publishers = publishers.map(([name, kind, topic, pauseMs]) => {
      const pause = pauseMs === undefined ? {} : { pauseMs }
      return new LoadPublisher({ name, kind, history: this.#history(topic), url, isWhole: logDirs === 1, ...pause })
    })
    this.readers = (['orders', 'state'] as const).map((topic) => new LiveReader(this.#history(topic), url))
    this.commits = Array.from({ length: COMMITTERS }, (_, index) => new CommitHistory(`script-${index}`, this.findings))
    this.committers = this.commits.map((history, index) => new Committer(`script-${index}`, 'work', history, url))
    this.#churns = Array.from(
      { length: changesTopics ? CHURNS : 0 },
      (_, index) => new TopicChurn(`${index}`, this.model, url, random),
    )
    this.groups = Array.from({ length: GROUPS }, (_, index) => {
      const group = `group-${index}`
      const journals = join(folder, group)
      mkdirSync(journals)
      const settings = { maxPollIntervalMs: 60_000, waitMs: 300, workMs: 20 }
      return new LiveGroup({ server, journals, group, topic: 'work', ...settings })
    })
  }

  get acknowledged(): number {
    return this.publishers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  }

  /** Creates the topics and lets the members in; the load rests. */
  async begin(): Promise<void> {
    for (const { topic, partitions, configs } of Object.values(topics)) {
      const reply = await jsonCall('PUT', `${this.#options.server.url}/topics/${topic}`, { partitions, configs })
      assert.equal(reply?.status, 201, reply?.text)
    }
    for (const group of this.groups) for (let member = 0; member < MEMBERS_A_GROUP; member++) group.join()
    const all = [...this.publishers, ...this.readers, ...this.committers, ...this.#churns]
    this.#loops = Promise.all(all.map((one) => this.#gate.repeat(() => one.turn())))
    // What a loop throws is told where the load ends.
    this.#loops.catch(() => undefined)
  }

  /** Resolves in the middle of the load: when a random number of calls has been answered. */
  async work(): Promise<void> {
    this.#gate.open()
    await this.#gate.after(FEWEST_TURNS + this.#options.random() * MORE_TURNS, LONGEST_WORK_MS)
  }

  /** Resolves when every request has its answer, or has lost its server. */
  async rest(): Promise<void> {
    await Promise.race([this.#gate.close(), this.#loops])
  }

  /**
   * Of a server that is up again, while the load rests.
   *
   * @param all whether to read what earlier audits have read
   */
  async audit(crash: Crash, crashedAt: number, all: boolean): Promise<void> {
    const { url } = this.#options.server
    const reading = [...this.#histories.values()].map(async (history) => {
      const found = await readPartitions(url, history, all || history.rules.cleanup === 'compaction')
      for (const partition of found) history.audit(partition, crash)
      history.finishAudit()
    })
    const topicsFound = readTopics(url).then((found) => this.model.audit(found, crashedAt))
    const offsets = [...this.committers.map((one) => one.observe()), ...this.groups.map((group) => group.lag())]
    await Promise.all([...reading, topicsFound, ...offsets])
    for (const publisher of this.publishers) publisher.settle()
    const { recordsChecked, violations } = this.findings
    // A long run says that it goes on.
    if (++this.audits % PROGRESS_EVERY === 0)
      process.stderr.write(
        `${this.audits} audits: ${this.acknowledged} records acknowledged, ${recordsChecked} looked at, ${violations.length} violations\n`,
      )
    for (const { members } of this.groups)
      for (const member of members) assert.ok(!member.hasEnded, `a member gave up: ${member.stderr}`)
  }

  /** Lets the groups read to the end and leave, and holds what they saw against the log. */
  async finish(): Promise<string> {
    this.#gate.end()
    await this.#loops
    const accounts = await Promise.all(this.groups.map((group, index) => this.#finishGroup(group, `group-${index}`)))
    for (const [index, { violations }] of accounts.entries())
      for (const text of violations) this.findings.violation(`group-${index}: ${text}`)
    return this.#summary(accounts.reduce((sum, { delivered }) => sum + delivered, 0))
  }

  /** Whatever became of it. */
  async end(): Promise<void> {
    this.#gate.end()
    await Promise.all(this.groups.map((group) => group.endAll()))
  }

  assertNothingWrong(when: string, server: { readonly output: readonly string[] }): void {
    const { violations } = this.findings
    if (violations.length === 0) return
    const warnings = server.output.filter((line) => !line.startsWith('{"level":30'))
    const said = `${violations.length} violations ${when}; the server warned:\n${warnings.join('\n')}`
    // At once: the report of a long run comes much later.
    process.stderr.write(`${said}\n${violations.slice(0, 50).join('\n')}\n`)
    assert.deepEqual(violations.slice(0, 10), [], said)
  }

  async #finishGroup(group: LiveGroup, name: string) {
    const deadline = now() + DRAIN_MS
    while ((await group.lag()) > 0) {
      assert.ok(now() < deadline, `${name} has not read all within ${DRAIN_MS} ms`)
      await sleep(50)
    }
    await group.leaveAll()
    return accountOf(readJournals(join(this.#options.folder, name)), await group.logEnds(topics.work.partitions))
  }

  #summary(delivered: number): string {
    const { lost, lostAtAcksOne, movedBack, recordsChecked, violations } = this.findings
    const unknown = this.publishers.reduce((sum, publisher) => sum + publisher.unknown, 0)
    const read = this.readers.reduce((sum, reader) => sum + reader.read, 0)
    const commits = this.commits.reduce((sum, { acknowledgements }) => sum + acknowledgements, 0)
    return (
      `${this.acknowledged} records acknowledged, ${unknown} requests without an answer, ${read} records read live, ` +
      `${delivered} delivered to ${GROUPS} groups, ${commits} commits, ${this.model.changes} topic changes; ` +
      `${recordsChecked} records looked at in ${this.audits} audits: ${lost} lost, ${movedBack} offsets moved back, ` +
      `${violations.length} violations, ${lostAtAcksOne} of acks=1 lost in power cuts`
    )
  }

  #history(topic: TopicName): TopicHistory {
    const history = this.#histories.get(topic)
    assert.ok(history)
    return history
  }
}

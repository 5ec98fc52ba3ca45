import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { scanJournal } from '../../src/embedded/commit/journal-scan.ts'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { CrashServer } from './crash/crash-server.ts'
import { cyclesOf, seed } from './crash/scale.ts'
import { auditStops } from './crash/stops/stop-audit.ts'
import { type SentRequest, StopPublisher } from './crash/stops/stop-publisher.ts'
import { api, type Answer } from './keeping/api.ts'

/** Stops of every kind under load, two servers that want one directory, and a wall clock that jumps. */

const ROUNDS = cyclesOf({ inCi: 2, long: 40 })
const PARTITIONS = 4
const PUBLISHERS = 80
const POLLS = 80
const STREAMS = 40
const EXITS_MS = 10_000
const random = mulberry32(seed)

interface Lane {
  readonly directory: string
  readonly server: CrashServer
}

async function startLane(
  t: TestContext,
  settings: readonly string[] = [],
  nodeOptions: readonly string[] = [],
): Promise<Lane> {
  const directory = path.join(tempDirectory(t), 'data')
  const server = await CrashServer.on(
    [directory],
    ['log.dir.reserve.bytes=0', 'journal.file.bytes=8388608', ...settings],
  )
  cleanUpBehind(t, () => server.kill9())
  await server.start({ fault: nodeOptions })
  return { directory, server }
}

async function ask(lane: Lane, method: string, where: string, body?: unknown): Promise<Answer['body']> {
  const answer = await api(lane.server.url, method, where, body)
  assert.ok(answer.status < 300, `${method} ${where}: ${answer.status} ${answer.text}`)
  return answer.body
}

async function eventually(what: string, forMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const from = performance.now()
  while (!(await holds())) {
    assert.ok(performance.now() - from < forMs, `waited ${forMs} ms in vain: ${what}`)
    await sleep(10)
  }
}

/** Publishers, long polls and streams, all at work. */
class Load {
  readonly publishers: readonly StopPublisher[]
  readonly #ends: Promise<unknown>
  readonly #waits: Promise<'whole' | 'broken'>[] = []

  private constructor(url: string, round: string) {
    this.publishers = Array.from({ length: PUBLISHERS }, (_, index) => new StopPublisher(`${round}.${index}`, url))
    for (let poll = 0; poll < POLLS; poll++) {
      this.#waits.push(whole(`${url}/topics/quiet/partitions/0/records?offset=0&waitMs=30000`))
    }
    for (let stream = 0; stream < STREAMS; stream++) this.#waits.push(whole(`${url}/topics/quiet/stream`))
    this.#ends = Promise.all(this.publishers.map((publisher) => publisher.run()))
  }

  static async start(lane: Lane, round: string): Promise<Load> {
    const load = new Load(lane.server.url, round)
    await eventually('all publish', 20_000, () => load.publishers.every(({ acknowledged }) => acknowledged > 1))
    return load
  }

  get sent(): SentRequest[] {
    return this.publishers.flatMap(({ sent }) => sent)
  }

  async ended(): Promise<void> {
    await this.#ends
  }

  /** Long polls and streams that did not end as a reply does. */
  async broken(): Promise<number> {
    return (await Promise.all(this.#waits)).filter((end) => end === 'broken').length
  }
}

async function whole(url: string): Promise<'whole' | 'broken'> {
  try {
    const response = await fetch(url)
    await response.text()
    return response.status === 200 ? 'whole' : 'broken'
  } catch {
    return 'broken'
  }
}

async function makeTopics(lane: Lane): Promise<void> {
  await ask(lane, 'PUT', '/topics/orders', { partitions: PARTITIONS })
  await ask(lane, 'PUT', '/topics/quiet', { partitions: 1 })
}

function endedClean(directory: string): boolean | undefined {
  const [one, other] = ['journal-0', 'journal-1'].map((name) => fs.readFileSync(path.join(directory, name)))
  return one && other && scanJournal([one, other])?.clean
}

async function assertAllIsThere(lane: Lane, sent: readonly SentRequest[]): Promise<number> {
  const { findings, unansweredButStored } = await auditStops(lane.server.url, PARTITIONS, sent)
  assert.deepEqual(findings.slice(0, 10), [], `${findings.length} findings`)
  return unansweredButStored
}

test(
  `SIGTERM under ${PUBLISHERS + POLLS + STREAMS} clients, ${ROUNDS} times`,
  { timeout: 60_000 + ROUNDS * 20_000 },
  async (t) => {
    const lane = await startLane(t)
    await makeTopics(lane)
    const all: SentRequest[] = []
    let slowestMs = 0
    for (let round = 0; round < ROUNDS; round++) {
      const load = await Load.start(lane, `term-${round}`)
      const from = performance.now()
      const exited = lane.server.stop()
      await eventually('the server says that it is not ready', 1000, async () => {
        const ready = await api(lane.server.url, 'GET', '/health/ready').catch(() => undefined)
        return ready?.status !== 200
      })
      assert.equal(await exited, 0)
      const took = performance.now() - from
      slowestMs = Math.max(slowestMs, took)
      assert.ok(took < EXITS_MS, `it took ${took.toFixed(0)} ms to stop`)
      await load.ended()
      assert.equal(await load.broken(), 0, 'long polls and streams end as replies do')
      assert.equal(endedClean(lane.directory), true, 'the next start has nothing to scan')
      all.push(...load.sent)
      for (const { name, status, stored, closes } of load.sent) {
        if (status === 200 || status === undefined) continue
        assert.deepEqual({ status, stored, closes }, { status: 503, stored: 'no', closes: true }, name)
      }
      await lane.server.start()
      assert.equal(await assertAllIsThere(lane, all), 0, 'a request that was accepted was not answered')
    }
    const never = {
      name: 'never',
      status: 200,
      stored: undefined,
      closes: false,
      places: [{ partition: 0, offset: 0 }],
    }
    const { findings } = await auditStops(lane.server.url, PARTITIONS, [...all, never])
    assert.equal(findings.length, 1, 'it would be seen if what was acknowledged were not there')
    const count = (status: number | undefined): number => all.filter((sent) => sent.status === status).length
    assert.ok(count(503) > 0, 'nothing was refused')
    t.diagnostic(
      `${count(200)} requests acknowledged, 0 lost; ${count(503)} refused with the connection's end, ${count(undefined)} ` +
        `not accepted; ${ROUNDS * (POLLS + STREAMS)} waiting replies ended; stopped within ${slowestMs.toFixed(0)} ms`,
    )
  },
)

/** An upload that never ends holds the stop up. */
async function startEndlessUpload(t: TestContext, lane: Lane): Promise<() => void> {
  const aborted = new AbortController()
  cleanUpBehind(t, () => aborted.abort())
  const first = Promise.withResolvers<void>()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (aborted.signal.aborted) return controller.close()
      controller.enqueue(Buffer.from('{"value":"endless"}\n'))
      first.resolve()
      await sleep(20)
    },
  })
  void fetch(`${lane.server.url}/topics/quiet/lines`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
    duplex: 'half',
    signal: aborted.signal,
  }).catch(() => undefined)
  await first.promise
  return () => aborted.abort()
}

test(
  'a second SIGTERM ends it at once, SIGKILL in the middle of a stop too, and nothing acknowledged is lost',
  { timeout: 120_000 },
  async (t) => {
    const lane = await startLane(t)
    await makeTopics(lane)
    const all: SentRequest[] = []
    const ends = ['second SIGTERM', ...Array.from({ length: ROUNDS + 1 }, () => 'SIGKILL' as const)] as const
    for (const [round, end] of ends.entries()) {
      const endUpload = end === 'SIGKILL' ? undefined : await startEndlessUpload(t, lane)
      const load = await Load.start(lane, `end-${round}`)
      const from = performance.now()
      process.kill(lane.server.pid, 'SIGTERM')
      await sleep(end === 'SIGKILL' ? random() * 60 : 100)
      if (end === 'SIGKILL') await lane.server.kill9()
      else await lane.server.stop()
      assert.ok(performance.now() - from < 3000, `${end}: it took ${(performance.now() - from).toFixed(0)} ms`)
      endUpload?.()
      await load.ended()
      await load.broken()
      all.push(...load.sent)
      await lane.server.start()
      await assertAllIsThere(lane, all)
    }
    t.diagnostic(
      `${all.filter(({ status }) => status === 200).length} requests acknowledged, 0 lost, ${ends.length} stops broken off`,
    )
  },
)

interface Attempt {
  readonly code: number | null
  readonly stderr: string
  readonly tookMs: number
}

/** A start that is expected to end by itself. */
async function attempt(directory: string): Promise<Attempt> {
  const from = performance.now()
  const settings = ['--set', `log.dirs=${directory}`, '--set', 'port=0']
  const child = spawn(process.execPath, ['--import', './src/compile-cache.js', 'src/main.ts', ...settings], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  child.stdout.on('data', (chunk) => {
    if (String(chunk).includes('Posthorn is ready')) child.kill('SIGKILL')
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr, tookMs: performance.now() - from }
}

function contentOf(directory: string): Map<string, string> {
  const content = new Map<string, string>()
  for (const name of fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(directory, name)
    // Opening and closing the lock here would let go of nobody's, but another process must not see it change either.
    if (fs.statSync(file).isFile()) content.set(name, hash('sha256', fs.readFileSync(file)))
  }
  return content
}

test('a second server on one directory leaves at once and touches nothing', { timeout: 120_000 }, async (t) => {
  const lane = await startLane(t)
  await makeTopics(lane)
  await ask(lane, 'POST', '/topics/orders/records', { records: [{ value: 'mine' }] })
  await sleep(300)
  const before = contentOf(lane.directory)
  let slowestMs = 0
  for (let round = 0; round < ROUNDS + 1; round++) {
    const { code, stderr, tookMs } = await attempt(lane.directory)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /is in use: .*Stop that process, or set log\.dirs to another directory/)
    slowestMs = Math.max(slowestMs, tookMs)
  }
  assert.ok(slowestMs < 2000 * (process.env['CI'] === undefined ? 2 : 1), `it took ${slowestMs.toFixed(0)} ms to leave`)
  assert.deepEqual(contentOf(lane.directory), before)
  await ask(lane, 'POST', '/topics/orders/records', { records: [{ value: 'still mine' }] })

  // Of several that start at once behind a crash, one gets it, the others leave.
  await lane.server.kill9()
  const racing = await Promise.all(Array.from({ length: 3 }, () => attempt(lane.directory)))
  const winners = racing.filter(({ code }) => code !== 1)
  assert.ok(winners.length >= 1, racing.map(({ stderr }) => stderr).join('\n'))
  for (const { code, stderr } of racing) if (code === 1) assert.match(stderr, /is in use/)
  await lane.server.start()
  const { items } = await ask(lane, 'GET', '/topics/orders/partitions')
  const records = items.reduce((sum: number, item: { highWatermark: number }) => sum + item.highWatermark, 0)
  assert.equal(records, 2)
  t.diagnostic(
    `left within ${slowestMs.toFixed(0)} ms; ${winners.length} of ${racing.length} that raced had their turn`,
  )
})

const MIB = 1024 * 1024
/** A few fill a segment. */
const VALUE_BYTES = 300_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const YEAR_MS = 365 * 24 * HOUR_MS

test('a wall clock that jumps deletes nothing early, ends no session, and is told', { timeout: 120_000 }, async (t) => {
  const shiftFile = path.join(tempDirectory(t), 'shift')
  const shift = (ms: number): void => fs.writeFileSync(shiftFile, String(ms))
  shift(0)
  process.env['CLOCK_SHIFT_FILE'] = shiftFile
  cleanUpBehind(t, () => delete process.env['CLOCK_SHIFT_FILE'])
  const settings = [
    'log.retention.check.interval.ms=50',
    'offsets.retention.check.interval.ms=50',
    'offsets.retention.minutes=10',
    'group.consumer.min.session.timeout.ms=1000',
    'group.consumer.session.timeout.ms=2000',
    'group.consumer.min.heartbeat.interval.ms=100',
    'group.consumer.heartbeat.interval.ms=200',
  ]
  const nodeOptions = ['--import', './test/lanes/crash/stops/shifted-clock.ts']
  const lane = await startLane(t, settings, nodeOptions)
  const configs = { 'segment.bytes': MIB, 'retention.ms': 10 * MINUTE_MS, 'message.timestamp.type': 'LogAppendTime' }
  await ask(lane, 'PUT', '/topics/kept', { partitions: 1, configs })
  const publish = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) {
      await ask(lane, 'POST', '/topics/kept/records', { records: [{ value: 'x'.repeat(VALUE_BYTES) }] })
    }
  }
  await publish()
  await ask(lane, 'POST', '/consumer-groups/scripts/offsets', {
    offsets: [{ topic: 'kept', partition: 0, nextOffset: 3 }],
  })
  const session = startMember(lane)
  cleanUpBehind(t, () => session.stop())

  const check = async (what: string): Promise<void> => {
    await publish()
    await sleep(400)
    const { logStartOffset, highWatermark } = await ask(lane, 'GET', '/topics/kept/partitions/0')
    assert.equal(logStartOffset, 0, `${what}: records are gone`)
    const { items } = await ask(lane, 'GET', '/consumer-groups/scripts/offsets')
    assert.equal(items[0]?.nextOffset, 3, `${what}: committed offsets are gone`)
    assert.deepEqual(session.findings, [], what)
    await assertMonotone(lane, highWatermark, what)
    const { troubles = [] } = (await api(lane.server.url, 'GET', '/health/ready')).body
    const told = troubles.some(
      ({ kind, detail }: { kind: string; detail: string }) =>
        kind === 'clock-jump' && /not deleted|nothing is deleted/.test(detail),
    )
    assert.ok(told, `${what}: health does not say what is paused: ${JSON.stringify(troubles)}`)
  }
  for (const [what, ms] of [
    ['+10 years', 10 * YEAR_MS],
    ['+1 h', HOUR_MS + MINUTE_MS],
    ['−1 h', -HOUR_MS - MINUTE_MS],
  ] as const) {
    shift(ms)
    await sleep(100)
    await check(what)
  }
  // A start with a clock that is ten years ahead of all that was ever seen.
  session.stop()
  await session.ended
  await lane.server.kill9()
  shift(10 * YEAR_MS)
  await lane.server.start({ fault: nodeOptions })
  await check('+10 years at a start')
  t.diagnostic(
    `${session.heartbeats} heartbeats of one session through three jumps, 20 records and a commit kept through four`,
  )
})

test('it would be seen if the clock were believed', { timeout: 60_000 }, async (t) => {
  const shiftFile = path.join(tempDirectory(t), 'shift')
  fs.writeFileSync(shiftFile, '0')
  process.env['CLOCK_SHIFT_FILE'] = shiftFile
  cleanUpBehind(t, () => delete process.env['CLOCK_SHIFT_FILE'])
  const nodeOptions = ['--import', './test/lanes/crash/stops/shifted-clock.ts']
  const settings = ['log.retention.check.interval.ms=50', 'clock.jump.accept=true']
  const lane = await startLane(t, settings, nodeOptions)
  await ask(lane, 'PUT', '/topics/kept', { partitions: 1, configs: { 'retention.ms': 10 * MINUTE_MS } })
  await ask(lane, 'POST', '/topics/kept/records', { records: [{ value: 'old' }] })
  await lane.server.kill9()
  fs.writeFileSync(shiftFile, String(10 * YEAR_MS))
  await lane.server.start({ fault: nodeOptions })
  await eventually('the record is gone', 10_000, async () => {
    const { logStartOffset } = await ask(lane, 'GET', '/topics/kept/partitions/0')
    return logStartOffset === 1
  })
})

test('2,000 partitions with 256 descriptors: all of them are written and read', { timeout: 120_000 }, async (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  const settings = ['log.dir.reserve.bytes=0', 'journal.file.bytes=8388608', 'offsets.topic.num.partitions=4']
  const server = await CrashServer.on([directory], settings)
  const lane = { directory, server }
  cleanUpBehind(t, () => server.kill9())
  const few = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh']
  await server.start({ tracer: few })
  const topics = ['one', 'two']
  for (const topic of topics) await ask(lane, 'PUT', `/topics/${topic}`, { partitions: 1000 })
  const publish = async (turn: number): Promise<void> => {
    const records = Array.from({ length: 1000 }, (_, partition) => ({ value: `${turn}/${partition}`, partition }))
    await Promise.all(topics.map((topic) => ask(lane, 'POST', `/topics/${topic}/records`, { records })))
  }
  await publish(0)
  await server.kill9()
  await server.start({ tracer: few })
  await publish(1)
  for (const topic of topics) {
    for (let partition = 0; partition < 1000; partition += 7) {
      const { records } = await ask(
        lane,
        'GET',
        `/topics/${topic}/partitions/${partition}/records?offset=0&format=string`,
      )
      assert.deepEqual(
        records.map(({ value }: { value: string }) => value),
        [`0/${partition}`, `1/${partition}`],
      )
    }
  }
  const { status, troubles } = await ask(lane, 'GET', '/health/ready')
  assert.deepEqual({ status, troubles }, { status: 'ready', troubles: [] })
})

interface Session {
  readonly findings: string[]
  heartbeats: number
  readonly ended: Promise<void>
  stop(): void
}

/** A member that keeps its session, and finds it in order each time. */
function startMember(lane: Lane): Session {
  const findings: string[] = []
  const stopped = new AbortController()
  const member = '/consumer-groups/readers/members/one'
  const run = async (): Promise<void> => {
    const joined = await api(lane.server.url, 'PUT', member, { topics: ['kept'] })
    if (joined.status >= 300) findings.push(`join: ${joined.status} ${joined.text}`)
    let { cursor } = joined.body
    while (!stopped.signal.aborted) {
      const beat = await api(lane.server.url, 'POST', `${member}/heartbeat`, { cursor })
      cursor = beat.body.cursor ?? cursor
      if (beat.status >= 300) findings.push(`heartbeat: ${beat.status} ${beat.text}`)
      session.heartbeats++
      await sleep(100)
    }
  }
  const session = { findings, heartbeats: 0, ended: Promise.resolve(), stop: () => stopped.abort() }
  session.ended = run().catch((error: unknown) => void findings.push(String(error)))
  return session
}

/** Append times never go back, so a later time never leads to an earlier offset. */
async function assertMonotone(lane: Lane, highWatermark: number, what: string): Promise<void> {
  const times: number[] = []
  while (times.length < highWatermark) {
    const where = `/topics/kept/partitions/0/records?offset=${times.length}&maxBytes=8388608`
    const { records } = await ask(lane, 'GET', where)
    assert.ok(records.length > 0, `${what}: nothing at ${times.length}`)
    for (const { timestamp } of records) times.push(timestamp)
  }
  assert.deepEqual(
    times,
    times.toSorted((one: number, other: number) => one - other),
    `${what}: append times go back`,
  )
  let last = 0
  for (const time of new Set<number>(times)) {
    const { items } = await ask(lane, 'GET', `/topics/kept/offsets?at=${time}`)
    assert.ok(items[0]?.offset >= last, `${what}: ${time} leads to ${items[0]?.offset}, behind ${last}`)
    assert.ok((times[items[0]?.offset] ?? -1) >= time, `${what}: ${time} leads to an earlier record`)
    last = items[0]?.offset
  }
}

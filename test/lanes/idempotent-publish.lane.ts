import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { RestartableServer } from './groups/restartable-server.ts'
import { AnswerAudit } from './publish/answer-audit.ts'
import { LogAudit } from './publish/log-audit.ts'
import { readLog } from './publish/read-log.ts'
import { RepeatingPublisher } from './publish/repeating-publisher.ts'
import { type Answer, type ProxyHooks, UnreliableProxy } from './publish/unreliable-proxy.ts'

/*
 * Publishers that send again what was not acknowledged, through a proxy that loses replies, repeats requests and cuts
 * bodies, while the server is killed and started again. Then the whole log is held against what they sent and were told.
 *
 *   npm run test:publish                     about a minute
 *   LIVE_PUBLISH=long npm run test:publish   1,000,000 records and ten crashes
 */
const long = process.env['LIVE_PUBLISH'] === 'long'
const PARTITIONS = 6
const MORE_PARTITIONS = 8
const TOPIC = 'orders'
const unreliability = { droppedReplies: 0.05, sentTwice: 0.02, cutBodies: 0.01 }

interface Setting {
  readonly port: number
  readonly logDirectories: number
  readonly hooks?: ProxyHooks
}

interface Place {
  readonly server: RestartableServer
  readonly proxy: UnreliableProxy
  readonly answers: AnswerAudit
}

async function startedPlace(t: TestContext, { port, logDirectories, hooks = {} }: Setting): Promise<Place> {
  const folder = tempDirectory(t)
  const directories = Array.from({ length: logDirectories }, (_, index) => join(folder, `disk-${index}`))
  for (const directory of directories) mkdirSync(directory)
  const server = await RestartableServer.start(directories.join(','), port, [])
  cleanUpBehind(t, () => server.stop())
  const answers = new AnswerAudit()
  const all = { answered: answers.take.bind(answers), ...hooks }
  const proxy = await UnreliableProxy.start(server.url, unreliability, mulberry32(6), all)
  cleanUpBehind(t, () => proxy.stop())
  await ask(`${server.url}/topics`, 'POST', { name: TOPIC, partitions: PARTITIONS })
  return { server, proxy, answers }
}

async function ask(url: string, method: string, body?: unknown): Promise<unknown> {
  const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(url, { method, ...sent })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** @param keyed how many of them give each request a key of its own; the others count */
function publishersOf(count: number, keyed: number, records: number): RepeatingPublisher[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = index < count - keyed ? 'sequence' : 'key'
    const name = `${kind}-${index}`
    return new RepeatingPublisher({ name, kind, topic: TOPIC, records, partitions: PARTITIONS, window: 5 })
  })
}

async function publishThroughCrashes(
  { server, proxy }: Place,
  publishers: readonly RepeatingPublisher[],
  crashes: number,
): Promise<void> {
  const all = publishers.reduce((sum, { places }) => sum + places.length, 0)
  const acknowledged = (): number => publishers.reduce((sum, publisher) => sum + publisher.acknowledgedRecords, 0)
  const ended = new AbortController()
  const publishing = Promise.all(publishers.map((publisher) => publisher.publishAll(proxy.url, ended.signal))).finally(
    () => ended.abort(),
  )
  const crashing = (async () => {
    for (let crash = 1; crash <= crashes; crash++) {
      while (!ended.signal.aborted && acknowledged() < (all * crash) / (crashes + 1)) await sleep(5)
      if (ended.signal.aborted) return
      await server.crashAndStart()
      if (crash === 1) await ask(`${server.url}/topics/${TOPIC}`, 'PATCH', { partitions: MORE_PARTITIONS })
    }
  })()
  await Promise.all([publishing, crashing])
}

async function violationsOf(
  { server, answers }: Place,
  publishers: readonly RepeatingPublisher[],
  partitions: number,
): Promise<readonly string[]> {
  const audit = new LogAudit(publishers, PARTITIONS)
  await readLog(server.url, TOPIC, partitions, (record) => audit.take(record))
  return [...audit.finish(), ...answers.violations]
}

/** The last five of each publisher, which the server must still know. */
async function repeatTheLast(origin: string, publishers: readonly RepeatingPublisher[]): Promise<void> {
  for (const publisher of publishers) {
    const { length } = publisher.requests
    for (let turn = Math.max(0, length - 5); turn < length; turn++) await publisher.repeat(origin, turn)
  }
}

async function checkProducers(origin: string, publishers: readonly RepeatingPublisher[]): Promise<void> {
  for (const { name, ordered, requests } of publishers) {
    if (!ordered) continue
    const producer = await ask(`${origin}/topics/${TOPIC}/producers/${name}`, 'GET')
    assert.deepEqual(producer, { epoch: 0, nextSequence: requests.length }, name)
  }
}

/** Records of each publisher. */
const size = long ? { records: 62_500, crashes: 10 } : { records: 15_000, crashes: 3 }

for (const { logDirectories, port, keyed } of [
  { logDirectories: 1, port: 18_261, keyed: 0 },
  { logDirectories: 3, port: 18_262, keyed: 4 },
]) {
  test(
    `each record of ${16 + keyed} publishers is there once; log directories: ${logDirectories}`,
    { timeout: long ? 1_200_000 : 180_000 },
    async (t) => {
      const place = await startedPlace(t, { port, logDirectories })
      const { server, proxy, answers } = place
      const publishers = publishersOf(16 + keyed, keyed, size.records)
      await publishThroughCrashes(place, publishers, size.crashes)
      const violations = await violationsOf(place, publishers, MORE_PARTITIONS)
      assert.deepEqual(violations.slice(0, 20), [], `${violations.length} violations`)
      const repeats = publishers.reduce((sum, publisher) => sum + publisher.repeats, 0)
      const { duplicates, refusals } = answers
      t.diagnostic(JSON.stringify({ ...proxy.counts, repeats, duplicates, ...refusals, crashes: size.crashes }))
      assert.ok(
        proxy.counts.dropped > 20 && proxy.counts.twice > 10 && proxy.counts.cut > 5,
        'hardly anything happened',
      )
      assert.ok(duplicates > 20, 'hardly anything was answered a second time')
      await repeatTheLast(server.url, publishers)
      await checkProducers(server.url, publishers)
      await server.restart()
      await repeatTheLast(server.url, publishers)
      await server.crashAndStart()
      await repeatTheLast(server.url, publishers)
      await checkProducers(server.url, publishers)
    },
  )
}

/** A server that does not look at identities is one that does not get them. */
function withoutIdentity(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !/^producer-|^idempotency-/.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}

/** One offset in 50 replies is another. */
function withWrongOffsets(): (answer: Answer) => Answer {
  let replies = 0
  return (answer) => {
    if (answer.status !== 200 || ++replies % 50 !== 0) return answer
    const body = answer.body.toString().replace(/"offset":(\d+)/, (_, offset) => `"offset":${Number(offset) + 1}`)
    return { ...answer, body: Buffer.from(body) }
  }
}

for (const { fault, hooks, port, shows } of [
  {
    fault: 'identities are ignored',
    hooks: { changeHeaders: withoutIdentity },
    port: 18_263,
    shows: /is a duplicate of/,
  },
  {
    fault: 'an offset is wrong',
    hooks: { changeAnswer: withWrongOffsets() },
    port: 18_264,
    shows: /was said to be at/,
  },
]) {
  test(`it would be seen if ${fault}`, { timeout: 60_000 }, async (t) => {
    const place = await startedPlace(t, { port, logDirectories: 1, hooks })
    const publishers = publishersOf(4, 0, 5000)
    await publishThroughCrashes(place, publishers, 0)
    const violations = await violationsOf(place, publishers, PARTITIONS)
    assert.ok(
      violations.some((violation) => shows.test(violation)),
      JSON.stringify(violations.slice(0, 5)),
    )
  })
}

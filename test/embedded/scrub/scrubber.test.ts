import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ScrubDescription } from '../../../src/broker/log-dir-description.ts'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import type { EmbeddedEngine } from '../../../src/embedded/embedded-engine.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { engineSettings, openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { publish, readFrom, valuesOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const INTERVAL_MS = 2000
const fast = { bytesPerSecond: 1e9, intervalMs: INTERVAL_MS }

async function scrubOf(engine: EmbeddedEngine): Promise<ScrubDescription> {
  const [directory] = await engine.logDirs()
  assert.ok(directory?.scrub)
  return directory.scrub
}

/** Lets passes begin until another one has come to its end. */
async function fullPass(engine: EmbeddedEngine, clock: FakeClock): Promise<ScrubDescription> {
  const { lastFullPassAt } = await scrubOf(engine)
  for (let tries = 0; tries < 200; tries++) {
    clock.advance(INTERVAL_MS)
    await delay(10)
    const scrub = await scrubOf(engine)
    if (scrub.lastFullPassAt > lastFullPassAt && scrub.state === 'waiting') return scrub
  }
  throw new Error(`no pass came to its end: ${JSON.stringify(await scrubOf(engine))}`)
}

function flip(file: string, at: number): void {
  const bytes = fs.readFileSync(file)
  bytes[at]! ^= 4
  fs.writeFileSync(file, bytes)
}

async function withRolledLog(t: TestContext): Promise<{ engine: EmbeddedEngine; clock: FakeClock; directory: string }> {
  const directory = tempDirectory(t)
  const clock = new FakeClock()
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'orders', 2, { 'segment.bytes': '1000', 'retention.ms': '-1' })
  for (let round = 0; round < 20; round++) {
    await publish(first, 'orders', { 0: [`zero ${round} ${'x'.repeat(150)}`], 1: [`one ${round}`] })
  }
  // What is in memory alone has no file to be read again.
  await first.close()
  const engine = await openEmbeddedEngine(t, { logDirs: [directory], clock, scrub: fast })
  return { engine, clock, directory }
}

test('a bit that has flipped in a cold segment is found and told, and nothing else changes', async (t) => {
  const { engine, clock, directory } = await withRolledLog(t)
  const sound = await fullPass(engine, clock)
  assert.equal(sound.findings, 0)
  assert.ok(sound.passTotalBytes > 4000 && sound.passBytes === sound.passTotalBytes, JSON.stringify(sound))
  assert.deepEqual(engine.troubles(), [])
  const [, second = ''] = fs.readdirSync(path.join(directory, 'orders-0')).filter((name) => name.endsWith('.log'))
  flip(path.join(directory, 'orders-0', second), 100)
  const scrub = await fullPass(engine, clock)
  assert.equal(scrub.findings, 1)
  assert.ok(scrub.scrubbedBytes >= sound.scrubbedBytes + sound.passTotalBytes)
  const damaged = Number(second.slice(0, 20))
  assert.deepEqual(engine.troubles(), [
    {
      kind: 'partition-damaged',
      detail: `offsets ${damaged} to ${damaged} of partition 0 of orders are damaged on the disk`,
      notReady: false,
    },
  ])
  assert.equal(engine.statistics().fencedPartitions, 0)
  assert.equal(engine.statistics().scrubs?.[0]?.findings, 1)
  const behind = await readFrom(engine, { topic: 'orders', partition: 0, offset: damaged + 1 })
  assert.equal(valuesOf(behind, damaged + 1).length, 20 - damaged - 1)
  assert.equal((await publish(engine, 'orders', { 0: ['more'] })).parts[0]?.baseOffset, 20)
  // Told again with each pass, but once in all.
  assert.equal((await fullPass(engine, clock)).findings, 1)
  assert.equal(engine.troubles().length, 1)
  await engine.topics.deleteRecords('orders', 0, damaged + 1)
  assert.deepEqual([engine.troubles(), (await scrubOf(engine)).findings], [[], 0])
})

test(
  'segments that are replaced, removed, rolled or deleted under it are no findings',
  { timeout: 30_000 },
  async (t) => {
    const clock = new FakeClock()
    const cleaning = { ...engineSettings.cleaning, backoffMs: 50 }
    const engine = await openEmbeddedEngine(t, { clock, cleaning, retentionCheckIntervalMs: 50, scrub: fast })
    const small = { 'segment.bytes': '3000', 'file.delete.delay.ms': '0' }
    await makeTopic(engine, 'prices', 2, { ...small, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' })
    await makeTopic(engine, 'orders', 2, { ...small, 'retention.bytes': '6000' })
    let passes = 0
    for (let round = 0; round < 150; round++) {
      const texts = Array.from({ length: 5 }, (_, index) => `${round} ${index} ${'x'.repeat(150)}`)
      await publish(engine, 'prices', { [round % 2]: texts })
      await publish(engine, 'orders', { [round % 2]: texts })
      if (round % 10 === 0) {
        await makeTopic(engine, `short-${round}`, 2, small)
        await publish(engine, `short-${round}`, { 0: texts, 1: texts })
        if (round >= 10) await engine.topics.delete(`short-${round - 10}`)
      }
      clock.advance(round % 5 === 0 ? INTERVAL_MS : 1)
      await delay(2)
      if ((await scrubOf(engine)).lastFullPassAt >= 0) passes++
    }
    assert.ok(passes > 0)
    const { removedSegments, cleanings } = engine.statistics().keeping
    assert.ok(removedSegments > 5 && cleanings > 1, `${removedSegments} removed, ${cleanings} cleanings`)
    assert.equal((await fullPass(engine, clock)).findings, 0)
    assert.deepEqual(
      engine.troubles().filter(({ kind }) => kind === 'partition-damaged'),
      [],
    )
  },
)

test('it reads no faster than it may, shows how far it is, and a stop does not wait for it', async (t) => {
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { clock, scrub: { bytesPerSecond: 100_000, intervalMs: INTERVAL_MS } })
  await makeTopic(engine, 'orders', 1)
  for (let round = 0; round < 4; round++) await publish(engine, 'orders', { 0: ['x'.repeat(900_000)] })
  for (let step = 0; step < 4; step++) {
    clock.advance(INTERVAL_MS / 8)
    await delay(20)
  }
  clock.advance(INTERVAL_MS)
  let scrub = await scrubOf(engine)
  for (let tries = 0; tries < 200 && scrub.passBytes === 0; tries++) {
    await delay(10)
    scrub = await scrubOf(engine)
  }
  assert.equal(scrub.state, 'reading')
  assert.ok(scrub.passBytes > 0 && scrub.passBytes < scrub.passTotalBytes, JSON.stringify(scrub))
  const began = performance.now()
  await engine.close()
  assert.ok(performance.now() - began < 5000)
})

test('0 bytes a second: it is off', async (t) => {
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { clock })
  await makeTopic(engine, 'orders', 1)
  await publish(engine, 'orders', { 0: ['a'] })
  clock.advance(INTERVAL_MS * 3)
  await delay(50)
  assert.deepEqual(await scrubOf(engine), {
    state: 'off',
    scrubbedBytes: 0,
    passBytes: 0,
    passTotalBytes: 0,
    lastFullPassAt: -1,
    findings: 0,
  })
})

test('a read in the background is like any other: it fences nothing', async (t) => {
  const { engine, clock, directory } = await withRolledLog(t)
  const [first = ''] = fs.readdirSync(path.join(directory, 'orders-0')).filter((name) => name.endsWith('.log'))
  flip(path.join(directory, 'orders-0', first), 100)
  await fullPass(engine, clock)
  const { error } = await readFrom(engine, { topic: 'orders', partition: 0, offset: 0 })
  assert.ok(error instanceof BrokerError && error.code === 'CORRUPT_MESSAGE')
  // The bit is as it was: so are the records.
  flip(path.join(directory, 'orders-0', first), 100)
  assert.equal(valuesOf(await readFrom(engine, { topic: 'orders', partition: 0, offset: 0 })).length, 20)
})

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../../src/broker/logger.ts'
import { Scrubber } from '../../../src/embedded/scrub/scrubber.ts'
import type { ScrubEnd, ScrubJob } from '../../../src/embedded/scrub/scrub-messages.ts'
import type { ScrubRunner } from '../../../src/embedded/scrub/scrub-thread.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { batchOf, publish } from '../../support/engine-records.ts'
import { newDisk, openLog, partitionOf, placementOf } from '../../support/log-directory-fixture.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const INTERVAL_MS = 86_400_000

interface Told {
  readonly logger: Logger
  readonly lines: string[]
}

function telling(): Told {
  const lines: string[] = []
  const tell = (level: string) => (facts: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(facts)}`)
  return { lines, logger: { info: () => {}, warn: tell('warn'), error: tell('error') } }
}

test('a file that cannot be opened is told once, and what lies beside it is read in the same pass', async (t) => {
  const directory = tempDirectory(t)
  const clock = new FakeClock()
  const { logger, lines } = telling()
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'orders', 1, { 'segment.bytes': '1000', 'retention.ms': '-1' })
  for (let round = 0; round < 20; round++) await publish(first, 'orders', { 0: [`${round}`.padEnd(150, 'x')] })
  await first.close()
  const scrub = { bytesPerSecond: 1e9, intervalMs: INTERVAL_MS }
  const engine = await openEmbeddedEngine(t, { logDirs: [directory], clock, scrub, logger })
  const partition = path.join(directory, 'orders-0')
  const [, second = '', third = '', fourth = ''] = fs.readdirSync(partition).filter((name) => name.endsWith('.log'))
  const [refused, lost] = [path.join(partition, second), path.join(partition, fourth)]
  for (const file of [refused, lost]) fs.renameSync(file, `${file}.away`)
  // Opening it fails with ELOOP, whoever asks.
  fs.symlinkSync(second, refused)
  const damaged = fs.readFileSync(path.join(partition, third))
  damaged[100]! ^= 4
  fs.writeFileSync(path.join(partition, third), damaged)
  const pass = async () => {
    const { lastFullPassAt: before = -1 } = (await engine.logDirs())[0]?.scrub ?? {}
    clock.advance(INTERVAL_MS)
    for (let tries = 0; tries < 500; tries++) {
      await delay(5)
      const scrubbed = (await engine.logDirs())[0]?.scrub
      if (scrubbed && scrubbed.lastFullPassAt > before && scrubbed.state === 'waiting') return scrubbed
      clock.advance(1000)
    }
    throw new Error('the pass did not come to its end')
  }
  const scrubbed = await pass()
  assert.deepEqual([scrubbed.findings, scrubbed.passBytes], [3, scrubbed.passTotalBytes])
  const kinds = engine.troubles().map(({ kind, detail }) => `${kind} ${detail}`)
  assert.equal(kinds.length, 3, kinds.join('\n'))
  assert.ok(
    kinds.some((kind) =>
      kind.startsWith(`segment-unreadable ${refused} of partition 0 of orders cannot be read: ELOOP`),
    ),
  )
  assert.ok(
    kinds.some((kind) => kind.startsWith(`segment-unreadable ${lost} `) && kind.includes('the file is missing')),
  )
  assert.ok(kinds.some((kind) => kind.startsWith('partition-damaged ')))
  await pass()
  const told = lines.filter((line) => line.includes('a segment cannot be read'))
  assert.equal(told.length, 2, told.join('\n'))
  // Back in place, it is no trouble any more.
  for (const file of [refused, lost]) {
    fs.rmSync(file, { force: true })
    fs.renameSync(`${file}.away`, file)
  }
  assert.equal((await pass()).findings, 1)
  assert.deepEqual(
    engine.troubles().map(({ kind }) => kind),
    ['partition-damaged'],
  )
})

/** Answers as it is told, and remembers what it was asked for. */
class ScriptedRunner implements ScrubRunner {
  readonly readBytes = 0
  readonly asked: number[] = []
  readonly ends: ScrubEnd[]

  constructor(...ends: readonly ScrubEnd[]) {
    this.ends = [...ends]
  }

  async scrub({ baseOffset }: ScrubJob): Promise<ScrubEnd> {
    this.asked.push(baseOffset)
    return this.ends.shift() ?? { outcome: 'read', damage: [] }
  }

  stop(): void {}

  async close(): Promise<void> {}
}

async function scrubbing(t: TestContext, runner: ScrubRunner) {
  const disk = await newDisk()
  const log = await openLog(disk, [])
  await log.createPartition(placementOf(0, { 'segment.bytes': '500' }))
  for (let round = 0; round < 6; round++) {
    await log.append([{ log: partitionOf(log, 0), batches: [batchOf(['x'.repeat(300)])] }], 'all')
  }
  await log.layPending(partitionOf(log, 0))
  const clock = new FakeClock()
  const { logger, lines } = telling()
  const host = { directory: { online: true }, log, reader: { noteDamage: () => {} } }
  const settings = { bytesPerSecond: 1e9, intervalMs: INTERVAL_MS }
  // The first segment is the first in turn.
  const random = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes)
  const scrubber = new Scrubber({ settings, hosts: () => [host], clock, logger, random, runner })
  t.after(async () => {
    await scrubber.stop()
    await log.close()
  })
  scrubber.start()
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  }
  return { scrubber, clock, lines, settle, host }
}

const failed = { outcome: 'failed', reason: 'it ended by itself' } as const
const busy = { outcome: 'busy', reason: 'EMFILE: too many open files' } as const

test('where the thread dies or no file can be opened, the pass goes on later with the segment at which it was', async (t) => {
  for (const [end, times] of [
    [failed, 2],
    [busy, 5],
  ] as const) {
    const runner = new ScriptedRunner({ outcome: 'read', damage: [] }, ...Array.from({ length: times }, () => end))
    const { scrubber, clock, lines, settle, host } = await scrubbing(t, runner)
    clock.advance(60_000)
    await settle()
    assert.deepEqual(runner.asked, [0, 1])
    for (let turn = 0; turn < times; turn++) {
      assert.equal(scrubber.report(host).lastFullPassAt, -1)
      clock.advance(60_000)
      await settle()
    }
    assert.deepEqual(runner.asked, [0, ...Array.from({ length: times + 1 }, () => 1), 2, 3, 4, 5])
    assert.ok(scrubber.report(host).lastFullPassAt > 0)
    assert.deepEqual([scrubber.report(host).findings, scrubber.troubles()], [0, []])
    assert.equal(lines.length, 1, lines.join('\n'))
  }
})

test('a segment at which the thread always dies does not keep the others from being read', async (t) => {
  const runner = new ScriptedRunner(failed, failed, failed)
  const { scrubber, clock, lines, settle, host } = await scrubbing(t, runner)
  for (let turn = 0; turn < 4; turn++) {
    clock.advance(60_000)
    await settle()
  }
  assert.deepEqual(runner.asked, [0, 0, 0, 1, 2, 3, 4, 5])
  assert.equal(scrubber.report(host).lastFullPassAt, -1, 'not everything was read')
  assert.deepEqual([lines.length, lines[1]?.includes('passed over')], [2, true])
  clock.advance(INTERVAL_MS)
  await settle()
  assert.ok(scrubber.report(host).lastFullPassAt > 0)
})

test('a stop does not wait for a pause', async (t) => {
  const { scrubber, clock, settle } = await scrubbing(t, new ScriptedRunner(busy))
  clock.advance(60_000)
  await settle()
  await scrubber.stop()
})

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { silentLogger } from '../../../src/broker/logger.ts'
import { batchSizeBytes, lastOffset } from '../../../src/codec/record-batch.ts'
import type { EmbeddedEngineOptions } from '../../../src/embedded/embedded-engine-options.ts'
import type { EmbeddedEngine } from '../../../src/embedded/embedded-engine.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { readFrom } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { decodeBatch, encodeBatch } from '../../support/record-spans.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const compacted = {
  'cleanup.policy': 'compact',
  'segment.bytes': '2000',
  'min.cleanable.dirty.ratio': '0.01',
  'file.delete.delay.ms': '0',
}

/** An engine whose rounds and clock a test sees and moves. */
class Fixture {
  readonly clock = new FakeClock()
  readonly directory: string
  readonly t: TestContext
  rounds = 0
  failures = 0
  engine: EmbeddedEngine | undefined

  constructor(t: TestContext) {
    this.t = t
    this.directory = tempDirectory(t)
  }

  async open(options: Partial<EmbeddedEngineOptions> = {}): Promise<EmbeddedEngine> {
    const logger = {
      ...silentLogger,
      info: (_: object, text: string) => void (text === 'a partition was compacted' && this.rounds++),
      warn: (_: object, text: string) => void (text === 'a partition could not be compacted' && this.failures++),
    }
    this.engine = await openEmbeddedEngine(this.t, { clock: this.clock, logDirs: [this.directory], logger, ...options })
    return this.engine
  }

  /** Lets the cleaner look again, and waits until it has seen to the end what it began. */
  async untilCleaned(count = 1): Promise<void> {
    const wanted = this.rounds + count
    for (const until = performance.now() + 20_000; this.rounds < wanted;) {
      assert.ok(performance.now() < until, `${this.rounds} of ${wanted} rounds`)
      this.clock.advance(100)
      await turn()
    }
  }

  async publish(topic: string, pairs: readonly (readonly [string, string | null])[]): Promise<void> {
    assert.ok(this.engine)
    const records = pairs.map(([key, value]) => {
      return { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestamp: this.clock.now() }
    })
    const batches = [{ bytes: encodeBatch(records), recordCount: records.length, maxTimestamp: this.clock.now() }]
    await this.engine.append({ topic, parts: [{ partition: 0, batches }], acks: 'all' })
  }

  /** All that can be read: offset, key, value. */
  async content(topic: string): Promise<[number, string, string | null][]> {
    assert.ok(this.engine)
    const records: [number, string, string | null][] = []
    for (let offset = 0; ;) {
      const read = await readFrom(this.engine, { topic, partition: 0, offset })
      assert.equal(read.error, undefined)
      let next = offset
      for (const buffer of read.batches) {
        for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) {
          next = lastOffset(buffer, at) + 1
          for (const record of decodeBatch(buffer.subarray(at))) {
            if (record.offset < offset) continue
            records.push([record.offset, String(record.key), record.value === null ? null : String(record.value)])
          }
        }
      }
      if (next === offset) return records
      offset = next
    }
  }

  files(topic: string): string[] {
    return fs
      .readdirSync(path.join(this.directory, `${topic}-0`))
      .filter((name) => name.includes('.log'))
      .sort()
  }
}

/** What compaction has to leave of these: the last of each key, and all of the segment that is still active. */
function survivors(all: readonly [number, string, string | null][], activeFrom: number) {
  return all.filter(([offset, key]) => {
    return offset >= activeFrom || !all.some(([later, same]) => same === key && later > offset && later < activeFrom)
  })
}

test('only the last record of each key stays, at its offset, for readers and after a restart', async (t) => {
  const fixture = new Fixture(t)
  const engine = await fixture.open()
  await makeTopic(engine, 'state', 1, compacted)
  const published: [number, string, string | null][] = []
  for (let number = 0; number < 300; number++) {
    const pair = [`key-${number % 7}`, `value ${number} ${'x'.repeat(50)}`] as const
    published.push([number, ...pair])
    await fixture.publish('state', [pair])
  }
  assert.ok(fixture.files('state').length > 5)
  await fixture.untilCleaned()
  const files = fixture.files('state')
  const activeFrom = Number(files.at(-1)?.slice(0, 20))
  const expected = survivors(published, activeFrom)
  assert.ok(expected.length < 60)
  assert.deepEqual(await fixture.content('state'), expected)
  await engine.close()
  assert.deepEqual(
    fixture.files('state').filter((name) => !/^\d{20}\.log$/.test(name)),
    [],
  )
  await fixture.open()
  assert.deepEqual(await fixture.content('state'), expected)
})

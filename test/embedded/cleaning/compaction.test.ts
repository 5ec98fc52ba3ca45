import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { LONG_MAX_TEXT } from '../../../src/broker/config-value.ts'
import { resolveTopicConfig } from '../../../src/broker/topic-config-definitions.ts'
import type { TopicConfig } from '../../../src/broker/topic-config.ts'
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

const MIB = 1024 * 1024
const DAY_MS = 86_400_000
const cleaning = {
  enabled: true,
  threads: 1,
  backoffMs: 15_000,
  dedupeBufferBytes: MIB,
  loadFactor: 0.9,
  ioBufferBytes: 128 * 1024,
  ioBytesPerSecondMax: Number.MAX_VALUE,
}

function dirtyAtOnce(overrides: ReadonlyMap<string, string>): TopicConfig {
  return resolveTopicConfig(new Map(), new Map([...overrides, ['min.cleanable.dirty.ratio', '0']]))
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

  /** Lets time pass, here and in the cleaner's thread. */
  async untilTrue(holds: () => boolean): Promise<void> {
    for (const until = performance.now() + 20_000; !holds(); await turn()) {
      assert.ok(performance.now() < until)
      this.clock.advance(100)
    }
  }

  /** Waits until the cleaner has seen one more round to its end. */
  async untilCleaned(): Promise<void> {
    const before = this.rounds
    await this.untilTrue(() => this.rounds > before)
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

test('committed offsets are compacted, and groups go on where they were', async (t) => {
  const fixture = new Fixture(t)
  const first = await fixture.open({ resolveTopicConfig: dirtyAtOnce })
  await makeTopic(first, 'orders', 1)
  await fixture.publish('orders', [['k', 'v']])
  const offsetsPartition = async (nextOffset: number) =>
    first.groups.commit('billing', [{ topic: 'orders', partition: 0, nextOffset, metadata: 'm'.repeat(900) }], 'set')
  for (let number = 0; number < 3000; number++) await offsetsPartition(number % 2)
  await fixture.untilCleaned()
  const sizes = (await first.topics.partitions('__consumer_offsets')).map(({ sizeBytes }) => sizeBytes)
  assert.ok(Math.max(...sizes) < 1.2 * MIB, `${Math.max(...sizes)} bytes`)
  await first.close()
  const second = await fixture.open()
  assert.equal((await second.groups.committed('billing'))[0]?.nextOffset, 1)
})

test('a topic that is deleted while it is compacted is gone, and one of its name starts anew', async (t) => {
  const fixture = new Fixture(t)
  // So slow that a round takes seconds.
  const engine = await fixture.open({ cleaning: { ...cleaning, ioBytesPerSecondMax: 10_000 } })
  await makeTopic(engine, 'state', 1, compacted)
  for (let number = 0; number < 100; number++) await fixture.publish('state', [[`key-${number % 3}`, 'x'.repeat(50)]])
  await fixture.untilTrue(() => fixture.files('state').some((name) => name.endsWith('.cleaned')))
  await engine.topics.delete('state')
  assert.equal(fs.existsSync(path.join(fixture.directory, 'state-0')), false)
  await makeTopic(engine, 'state', 1, compacted)
  await fixture.publish('state', [['key-0', 'anew']])
  assert.deepEqual(await fixture.content('state'), [[0, 'key-0', 'anew']])
  assert.deepEqual(engine.troubles(), [])
})

test('a stop ends the round under way; a start has the log as it was', async (t) => {
  const fixture = new Fixture(t)
  const engine = await fixture.open({ cleaning: { ...cleaning, ioBytesPerSecondMax: 10_000 } })
  await makeTopic(engine, 'state', 1, compacted)
  for (let number = 0; number < 100; number++) await fixture.publish('state', [[`key-${number % 3}`, String(number)]])
  const before = await fixture.content('state')
  await fixture.untilTrue(() => fixture.files('state').some((name) => name.endsWith('.cleaned')))
  await engine.close()
  assert.deepEqual(
    fixture.files('state').filter((name) => name.endsWith('.cleaned')),
    [],
  )
  await fixture.open()
  assert.deepEqual(await fixture.content('state'), before)
})

test('with too little room it gives up, says so, keeps all, and tries again later', async (t) => {
  const fixture = new Fixture(t)
  let freeMinBytes = 0
  const space = {
    reserveBytes: 64 * 1024,
    get freeMinBytes() {
      return freeMinBytes
    },
  }
  const engine = await fixture.open({ space })
  await makeTopic(engine, 'state', 1, compacted)
  // Every segment holds something that stays, for which there has to be room.
  const pairs = (number: number) => [[`key-${number % 3}`, 'x'.repeat(50)] as const, [`once-${number}`, ''] as const]
  for (let number = 0; number < 100; number++) await fixture.publish('state', pairs(number))
  const before = await fixture.content('state')
  freeMinBytes = 2 ** 50
  await fixture.untilTrue(() => fixture.failures === 1)
  assert.deepEqual(
    engine.troubles().map(({ kind }) => kind),
    ['cleaning-disk-full'],
  )
  assert.deepEqual(await fixture.content('state'), before)
  freeMinBytes = 0
  await fixture.untilCleaned()
  assert.deepEqual(engine.troubles(), [])
  assert.ok((await fixture.content('state')).length < before.length * 0.6)
})

test('damage keeps what is behind it from being compacted, and what is before it is compacted all the same', async (t) => {
  const fixture = new Fixture(t)
  const first = await fixture.open()
  await makeTopic(first, 'state', 1, { ...compacted, 'cleanup.policy': 'delete' })
  for (let number = 0; number < 100; number++) await fixture.publish('state', [[`key-${number % 3}`, 'x'.repeat(50)]])
  await first.close()
  const engine = await fixture.open()
  const files = fixture.files('state')
  const damaged = path.join(fixture.directory, 'state-0', files[4] ?? '')
  const damagedBase = Number(files[4]?.slice(0, 20))
  const bytes = fs.readFileSync(damaged)
  bytes[100]! ^= 1
  fs.writeFileSync(damaged, bytes)
  await engine.topics.alterConfigs('state', new Map([['cleanup.policy', 'compact']]))
  await fixture.untilTrue(() => fixture.failures === 1)
  await fixture.untilTrue(() => fixture.rounds === 1)
  const before = fixture.files('state').filter((name) => name < (files[4] ?? '') && /^\d{20}\.log$/.test(name))
  const sizes = before.map((name) => fs.statSync(path.join(fixture.directory, 'state-0', name)).size)
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 600, String(sizes))
  assert.deepEqual(fs.readFileSync(damaged), bytes)
  const [trouble] = engine.troubles()
  assert.equal(trouble?.kind, 'partition-uncleanable')
  assert.match(trouble?.detail ?? '', new RegExp(`base offset ${damagedBase} is damaged`))
})

test('the time of an append leads to a record that is still there, not to one that went with its batch', async (t) => {
  for (const codec of ['uncompressed', 'zstd']) {
    const fixture = new Fixture(t)
    const engine = await fixture.open()
    const configs = { ...compacted, 'message.timestamp.type': 'LogAppendTime', 'compression.type': codec }
    await makeTopic(engine, 'state', 1, configs)
    const first = fixture.clock.now()
    await fixture.publish('state', [
      ['gone', 'x'],
      ['gone', 'y'],
      ['stays', 'z'],
    ])
    await fixture.publish('state', [['gone', 'later']])
    for (let number = 0; number < 40; number++) await fixture.publish('state', [['filler', 'x'.repeat(100)]])
    await fixture.untilCleaned()
    assert.deepEqual((await fixture.content('state'))[0], [2, 'stays', 'z'])
    const [answer] = await engine.listOffsets([{ topic: 'state', partition: 0, at: first }])
    assert.deepEqual([answer?.offset, answer?.timestamp], [2, first], codec)
    await engine.close()
  }
})

test('tombstones can be kept for ever', async (t) => {
  const fixture = new Fixture(t)
  const engine = await fixture.open()
  await makeTopic(engine, 'state', 1, { ...compacted, 'delete.retention.ms': LONG_MAX_TEXT })
  const timestamp = fixture.clock.now()
  await fixture.publish('state', [
    ['gone', 'x'],
    ['gone', null],
  ])
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 40; number++) await fixture.publish('state', [['filler', 'x'.repeat(100)]])
    await fixture.untilCleaned()
    assert.deepEqual([fixture.failures, (await fixture.content('state'))[0]], [0, [1, 'gone', null]])
    fixture.clock.advance(DAY_MS)
  }
  const [answer] = await engine.listOffsets([{ topic: 'state', partition: 0, at: timestamp }])
  assert.deepEqual([answer?.offset, answer?.timestamp], [1, timestamp])
})

test('a tombstone stays its time though the clock was years behind when it was first compacted', async (t) => {
  const fixture = new Fixture(t)
  const engine = await fixture.open()
  await makeTopic(engine, 'state', 1, compacted)
  await fixture.publish('state', [
    ['gone', 'x'],
    ['gone', null],
  ])
  for (const jumpMs of [-3650 * DAY_MS, 3650 * DAY_MS]) {
    fixture.clock.jump(jumpMs)
    for (let number = 0; number < 40; number++) await fixture.publish('state', [['filler', 'x'.repeat(100)]])
    await fixture.untilCleaned()
    assert.deepEqual((await fixture.content('state'))[0], [1, 'gone', null])
  }
})

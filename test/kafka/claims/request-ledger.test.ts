import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTransaction } from '../../../src/codec/record-batch.ts'
import { silentLogger } from '../../../src/broker/logger.ts'
import { withRequest, writeLedgerEntry } from '../../../src/kafka/claims/ledger-entry.ts'
import type { LedgerLog } from '../../../src/kafka/claims/ledger-log.ts'
import { RequestLedger } from '../../../src/kafka/claims/request-ledger.ts'
import { requestName, type RequestName } from '../../../src/kafka/claims/request-name.ts'
import { brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { encodeBatch } from '../../support/record-spans.ts'
import { sequenceOf, settled } from './model-gateway.ts'
import { ModelLog } from './model-log.ts'

const HOUR_MS = 3_600_000

/** A ledger over logs that a test writes to. */
class LedgerFixture {
  readonly clock = new FakeClock()
  readonly logs = Array.from({ length: 16 }, () => new ModelLog())
  topicId = 'first'
  reads = 0
  /** Awaited before a read is answered. */
  beforeRead: Promise<unknown> = Promise.resolve()
  readonly ledger: RequestLedger

  constructor(recentBytesMax = 0) {
    this.ledger = new RequestLedger({
      topic: 'ledger',
      log: this.#log(),
      clock: this.clock,
      logger: silentLogger,
      stopping: new AbortController().signal,
      lifetimeMs: HOUR_MS,
      recentBytesMax,
    })
  }

  #log(): LedgerLog {
    const topicId = (): string => this.topicId
    const log = (partition: number): ModelLog => {
      const found = this.logs[partition]
      assert.ok(found)
      return found
    }
    return {
      get topicId() {
        return topicId()
      },
      end: async (partition) => log(partition).end,
      firstSince: async (partition) => log(partition).start,
      read: async (partition, offset, maxBytes) => {
        this.reads++
        await this.beforeRead
        return log(partition).from(offset, maxBytes)
      },
    }
  }

  logOf({ partition }: RequestName): ModelLog {
    const found = this.logs[partition]
    assert.ok(found)
    return found
  }

  /** Of a transaction of that producer id. */
  write(name: RequestName, sequence: number, id: bigint, arrivedMs = this.clock.now()): number {
    const entry = withRequest(undefined, sequenceOf(sequence), { partitionCount: 1, arrivedMs, stored: [] })
    const record = { key: Buffer.from(name.text), value: writeLedgerEntry(entry), timestamp: arrivedMs }
    const bytes = encodeBatch([record])
    setTransaction(bytes, 0, { id, epoch: 0, sequence: 0 })
    return this.logOf(name).append(bytes)
  }

  async sequenceOf(name: RequestName): Promise<number | undefined> {
    await settled(this.clock, this.ledger.catchUp(name))
    const entry = await settled(this.clock, this.ledger.find(name))
    return entry?.requests.at(-1)?.sequence
  }
}

const meter = requestName('topic', { kind: 'sequence', producerId: 'meter' })

/** Others of the same partition of the ledger. */
function neighbours(count: number): RequestName[] {
  const found: RequestName[] = []
  for (let number = 0; found.length < count; number++) {
    const name = requestName('topic', { kind: 'sequence', producerId: `neighbour-${number}` })
    if (name.partition === meter.partition) found.push(name)
  }
  return found
}

test('an entry is known when its transaction is committed, and not where it is aborted', async () => {
  const fixture = new LedgerFixture()
  const log = fixture.logOf(meter)
  assert.equal(await fixture.sequenceOf(meter), undefined)
  fixture.write(meter, 0, 1n)
  assert.equal(await fixture.sequenceOf(meter), undefined)
  log.mark(1n, 0, true)
  assert.equal(await fixture.sequenceOf(meter), 0)
  fixture.write(meter, 1, 1n)
  log.mark(1n, 0, false)
  assert.equal(await fixture.sequenceOf(meter), 0)
})

test('a transaction that stays open hides nothing that others committed behind it', async () => {
  const fixture = new LedgerFixture()
  const [dead] = neighbours(1)
  assert.ok(dead)
  fixture.write(dead, 7, 9n)
  fixture.write(meter, 0, 1n)
  fixture.logOf(meter).mark(1n, 0, true)
  assert.equal(await fixture.sequenceOf(meter), 0)
  assert.equal(await fixture.sequenceOf(dead), undefined)
  fixture.logOf(dead).mark(9n, 0, true)
  assert.equal(await fixture.sequenceOf(dead), 7)
})

test('an entry that compaction replaced by a later one is found there', async () => {
  const fixture = new LedgerFixture()
  const log = fixture.logOf(meter)
  fixture.write(meter, 0, 1n)
  log.mark(1n, 0, true)
  await settled(fixture.clock, fixture.ledger.catchUp(meter))
  fixture.write(meter, 1, 1n)
  log.mark(1n, 0, true)
  log.batches.splice(0, 1)
  const entry = await settled(fixture.clock, fixture.ledger.find(meter))
  assert.equal(entry?.requests.at(-1)?.sequence, 1)
})

test('an entry that is gone before its time is not taken for one that never was', async () => {
  const fixture = new LedgerFixture()
  const log = fixture.logOf(meter)
  fixture.write(meter, 0, 1n)
  log.mark(1n, 0, true)
  await settled(fixture.clock, fixture.ledger.catchUp(meter))
  log.batches.splice(0, 1)
  const unreadable = brokerError('KAFKA_STORAGE_ERROR', { stored: 'unknown' })
  await assert.rejects(settled(fixture.clock, fixture.ledger.find(meter)), unreadable)
  // Past its time it may be gone.
  fixture.clock.jump(2 * HOUR_MS)
  assert.equal(await settled(fixture.clock, fixture.ledger.find(meter)), undefined)
})

test('a ledger that was deleted and made again is read from its beginning', async () => {
  const fixture = new LedgerFixture()
  for (const name of neighbours(20)) fixture.write(name, 0, 1n)
  fixture.write(meter, 5, 1n)
  fixture.logOf(meter).mark(1n, 0, true)
  assert.equal(await fixture.sequenceOf(meter), 5)
  fixture.topicId = 'second'
  fixture.logs.splice(0, 16, ...Array.from({ length: 16 }, () => new ModelLog()))
  assert.equal(fixture.ledger.isRead(meter), false)
  fixture.write(meter, 0, 1n)
  fixture.logOf(meter).mark(1n, 0, true)
  assert.equal(await fixture.sequenceOf(meter), 0)
  assert.equal(fixture.ledger.count, 1)
})

test('one that takes long to be read is told how far it is, and read on meanwhile', async () => {
  const fixture = new LedgerFixture()
  const log = fixture.logOf(meter)
  for (let times = 0; times < 4; times++) {
    for (const name of neighbours(1000)) fixture.write(name, times, 1n)
    log.mark(1n, 0, true)
  }
  fixture.write(meter, 3, 1n)
  log.mark(1n, 0, true)
  const { promise, resolve } = Promise.withResolvers<void>()
  fixture.beforeRead = promise
  const tooLong = /so far|not read/
  const unread = brokerError('REQUEST_TIMED_OUT', { stored: 'no', retryAfterSeconds: 1 })
  const waiting = settled(fixture.clock, fixture.ledger.catchUp(meter, 50))
  await assert.rejects(waiting, (error) => {
    unread(error)
    assert.ok(error instanceof Error)
    assert.match(error.message, tooLong)
    return true
  })
  resolve()
  assert.equal(await fixture.sequenceOf(meter), 3)
  assert.equal(fixture.ledger.count, 1001)
})

test('what has expired is not held, and entries used lately are not read again', async () => {
  const fixture = new LedgerFixture(100_000)
  const old = neighbours(500)
  for (const name of old) fixture.write(name, 0, 1n, fixture.clock.now() - 2 * HOUR_MS)
  fixture.write(meter, 0, 1n)
  fixture.logOf(meter).mark(1n, 0, true)
  assert.equal(await fixture.sequenceOf(meter), 0)
  assert.equal(fixture.ledger.count, 1)
  const { reads } = fixture
  await fixture.ledger.find(meter)
  assert.equal(fixture.reads, reads)
  assert.ok(fixture.ledger.sizeBytes < 10_000)
})

test('what comes between the question for the end and the read is no sign of a log that was cut', async () => {
  const fixture = new LedgerFixture()
  fixture.write(meter, 0, 1n)
  fixture.logOf(meter).mark(1n, 0, true)
  assert.equal(await fixture.sequenceOf(meter), 0)
  // The end is asked for first, and the read is answered later.
  const { promise, resolve } = Promise.withResolvers<void>()
  fixture.beforeRead = promise
  const caughtUp = fixture.ledger.catchUp(meter)
  await new Promise((done) => setImmediate(done))
  fixture.write(meter, 1, 1n)
  fixture.logOf(meter).mark(1n, 0, true)
  resolve()
  await settled(fixture.clock, caughtUp)
  assert.equal(fixture.ledger.isRead(meter), true)
  assert.equal(await fixture.sequenceOf(meter), 1)
})

test('names that share a transactional id share a partition of the ledger', () => {
  const partitions = new Map<string, number>()
  for (let number = 0; number < 20_000; number++) {
    const { transactionalId, partition } = requestName('topic', { kind: 'key', key: `${number}` })
    assert.equal(partitions.get(transactionalId) ?? partition, partition)
    partitions.set(transactionalId, partition)
  }
  assert.ok(partitions.size <= 4096)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/broker/broker-error.ts'
import { CLAIM_WAIT_MS } from '../../../src/embedded/producers/embedded-producers.ts'
import { CLAIMED_TOPIC, ClaimedLogs, makeClaimedDirectories } from '../../support/claimed-logs.ts'
import { keyIdentity, publishClaimed, sequenceIdentity, type ClaimedValues } from '../../support/claimed-requests.ts'
import { brokerError } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { partitionOf, recordsIn, storedIs, TOPIC_ID } from '../../support/log-directory-fixture.ts'
import { MemoryFileSystem } from '../../support/memory-file-system.ts'

const one: ClaimedValues = new Map([[0, ['a', 'b']]])
const other: ClaimedValues = new Map([[0, ['c']]])
/** A part in each directory. */
const both: ClaimedValues = new Map([
  [0, ['a']],
  [1, ['b', 'c']],
])

async function open(disk = new MemoryFileSystem(), clock = new FakeClock()) {
  if ((await disk.readdir('/')).length === 0) await makeClaimedDirectories(disk)
  return { disk, clock, logs: await ClaimedLogs.open(disk, clock) }
}

async function valuesIn(disk: MemoryFileSystem, logs: ClaimedLogs, partition: number): Promise<string[]> {
  await logs
    .logOf(partition)
    .checkpoint()
    .catch(() => {})
  const records = await recordsIn(disk, partitionOf(logs.logOf(partition), partition))
  return records.map(({ value }) => value)
}

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}

test('a repeat is answered as the first was, and stores nothing: at once, later, at the same time, after a start', async () => {
  const { disk, logs, clock } = await open()
  for (const identity of [sequenceIdentity('p', 0, one), keyIdentity('k', one)]) {
    const answers = await Promise.all([1, 2, 3].map(() => publishClaimed(logs, identity, one)))
    answers.push(await publishClaimed(logs, identity, one))
    for (const answer of answers) assert.deepEqual(answer, answers[0])
  }
  assert.deepEqual(await valuesIn(disk, logs, 0), ['a', 'b', 'a', 'b'])
  await logs.close()
  const again = await open(disk.kill(), clock)
  assert.deepEqual(await publishClaimed(again.logs, sequenceIdentity('p', 0, one), one), new Map([[0, 0]]))
  assert.deepEqual(await publishClaimed(again.logs, keyIdentity('k', one), one), new Map([[0, 2]]))
})

test('another body under the same identity is refused', async () => {
  const { logs } = await open()
  await publishClaimed(logs, sequenceIdentity('p', 0, one), one)
  await publishClaimed(logs, keyIdentity('k', one), one)
  const mismatch = brokerError('IDEMPOTENCY_MISMATCH', { stored: 'no' })
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 0, other), other), mismatch)
  await assert.rejects(publishClaimed(logs, keyIdentity('k', other), other), mismatch)
})

test('five in flight are stored in their order, whichever comes first', async () => {
  const { logs } = await open()
  const requests = [4, 2, 3, 1, 0].map((sequence) => {
    const values = new Map([[0, [`${sequence}`]]])
    return publishClaimed(logs, sequenceIdentity('p', sequence, values), values)
  })
  const placed = await Promise.all(requests)
  assert.deepEqual(
    placed.map((answer) => answer.get(0)),
    [4, 2, 3, 1, 0],
  )
})

test('one that is early waits five seconds for its predecessor, one that is too early does not wait', async () => {
  const { logs, clock } = await open()
  await assert.rejects(publishClaimed(logs, sequenceIdentity('new', 5, one), one), brokerError('UNKNOWN_PRODUCER_ID'))
  const unknown = publishClaimed(logs, sequenceIdentity('new', 4, one), one)
  await publishClaimed(logs, sequenceIdentity('p', 0, one), one)
  const early = publishClaimed(logs, sequenceIdentity('p', 2, one), one)
  const outOfOrder = brokerError('OUT_OF_ORDER_SEQUENCE_NUMBER', { stored: 'no', facts: { expectedSequence: 1 } })
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 6, one), one), outOfOrder)
  const refusals = Promise.all([
    assert.rejects(early, outOfOrder),
    assert.rejects(unknown, brokerError('UNKNOWN_PRODUCER_ID')),
  ])
  await turns()
  clock.advance(CLAIM_WAIT_MS - 1)
  await turns()
  clock.advance(1)
  await refusals
})

test('a sequence older than the last five is not known, a lower epoch is fenced, a higher one begins at 0', async () => {
  const { logs } = await open()
  for (let sequence = 0; sequence < 6; sequence++) await publishClaimed(logs, sequenceIdentity('p', sequence, one), one)
  const forgotten = brokerError('DUPLICATE_SEQUENCE_NUMBER', { stored: 'unknown' })
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 0, one), one), forgotten)
  assert.deepEqual(await publishClaimed(logs, sequenceIdentity('p', 1, one), one), new Map([[0, 2]]))
  assert.deepEqual(await logs.producers.describe(CLAIMED_TOPIC, 'p'), { epoch: 0, nextSequence: 6 })
  await assert.rejects(
    publishClaimed(logs, sequenceIdentity('p', 5, one, 1), one),
    brokerError('OUT_OF_ORDER_SEQUENCE_NUMBER'),
  )
  await publishClaimed(logs, sequenceIdentity('p', 0, other, 1), other)
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 6, one), one), brokerError('PRODUCER_FENCED'))
  assert.deepEqual(await logs.producers.describe(CLAIMED_TOPIC, 'p'), { epoch: 1, nextSequence: 1 })
  assert.equal(await logs.producers.describe(CLAIMED_TOPIC, 'q'), undefined)
})

test('a claim that is released uses nothing: the next in line has it, with another body too', async () => {
  const { logs } = await open()
  const claim = await logs.producers.claim(CLAIMED_TOPIC, sequenceIdentity('p', 0, one))
  const next = publishClaimed(logs, sequenceIdentity('p', 0, other), other)
  await turns()
  claim.release()
  claim.release()
  assert.deepEqual(await next, new Map([[0, 0]]))
  assert.deepEqual(await logs.producers.describe(CLAIMED_TOPIC, 'p'), { epoch: 0, nextSequence: 1 })
})

test('an equal request that is under way for too long is told so, and that nothing is known of it', async () => {
  const { logs, clock } = await open()
  const claim = await logs.producers.claim(CLAIMED_TOPIC, keyIdentity('k', one))
  const repeat = publishClaimed(logs, keyIdentity('k', one), one)
  await turns()
  const refused = assert.rejects(repeat, brokerError('SERVER_OVERLOADED', { stored: 'unknown' }))
  clock.advance(CLAIM_WAIT_MS)
  await refused
  claim.release()
})

test('deleting the topic refuses who waits for it, and forgets what was known', async () => {
  const { logs } = await open()
  await publishClaimed(logs, sequenceIdentity('p', 0, one), one)
  const waiting = publishClaimed(logs, sequenceIdentity('p', 2, one), one)
  const gone = assert.rejects(waiting, brokerError('UNKNOWN_TOPIC_OR_PARTITION', { stored: 'no' }))
  await turns()
  logs.isDeleted = true
  logs.producers.topicDeleted(TOPIC_ID)
  await gone
  logs.isDeleted = false
  assert.equal(await logs.producers.describe(CLAIMED_TOPIC, 'p'), undefined)
})

test('stopping refuses who waits', async () => {
  const { logs } = await open()
  await publishClaimed(logs, sequenceIdentity('p', 0, one), one)
  const waiting = publishClaimed(logs, sequenceIdentity('p', 2, one), one)
  const stopped = assert.rejects(waiting, brokerError('SERVER_STOPPING', { stored: 'no' }))
  await turns()
  logs.stop()
  await stopped
})

test('a part that was refused is completed by the repeat; until then successors are out of order', async () => {
  const { disk, logs, clock } = await open()
  disk.fail({ kinds: ['write', 'writeDurably', 'datasync'], pathContains: '/b/', nth: 1, code: 'EIO', sticky: true })
  await publishClaimed(logs, sequenceIdentity('b', 0, new Map([[1, ['x']]])), new Map([[1, ['x']]])).catch(() => {})
  // The directory is poisoned by now: what comes for it is refused.
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 0, both), both), storedIs('partial'))
  await assert.rejects(
    publishClaimed(logs, sequenceIdentity('p', 0, other), other),
    brokerError('IDEMPOTENCY_MISMATCH'),
  )
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 0, both), both), storedIs('no'))
  const next = publishClaimed(logs, sequenceIdentity('p', 1, one), one)
  const outOfOrder = brokerError('OUT_OF_ORDER_SEQUENCE_NUMBER', { facts: { expectedSequence: 0 } })
  const refused = assert.rejects(next, outOfOrder)
  await turns()
  clock.advance(CLAIM_WAIT_MS)
  await refused
  disk.healFaults()
  const again = await open(disk.crash('none'), clock)
  assert.deepEqual(await again.logs.producers.describe(CLAIMED_TOPIC, 'p'), { epoch: 0, nextSequence: 0 })
  await publishClaimed(again.logs, sequenceIdentity('p', 0, both), both)
  assert.deepEqual(await valuesIn(again.disk, again.logs, 0), ['a'])
  assert.deepEqual(await valuesIn(again.disk, again.logs, 1), ['b', 'c'])
})

test('a part whose write failed is in doubt: the repeat says so, stores no second copy, and finds out after a start', async () => {
  for (const [persist, isThere] of [
    ['none', false],
    ['all', true],
  ] as const) {
    const { disk, logs, clock } = await open()
    disk.fail({ kinds: ['datasync', 'writeDurably'], pathContains: '/b/journal', nth: 1, code: 'EIO' })
    await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 0, both), both), storedIs('partial'))
    disk.healFaults()
    const doubtful = brokerError('KAFKA_STORAGE_ERROR', { stored: 'unknown' })
    await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 0, both), both), doubtful)
    const key = keyIdentity('k', both)
    await assert.rejects(publishClaimed(logs, key, both), storedIs('partial'))
    const again = await open(disk.crash(persist), clock)
    const placed = await publishClaimed(again.logs, sequenceIdentity('p', 0, both), both)
    assert.deepEqual(
      placed,
      new Map([
        [0, 0],
        [1, 0],
      ]),
      String(isThere),
    )
    assert.deepEqual(await valuesIn(again.disk, again.logs, 0), ['a', 'a'])
    assert.deepEqual(await valuesIn(again.disk, again.logs, 1), ['b', 'c'])
  }
})

test('nothing durable at all, and in doubt: the identity is taken until a restart', async () => {
  const { disk, logs } = await open()
  disk.fail({ kinds: ['datasync', 'writeDurably'], pathContains: '/a/journal', nth: 1, code: 'EIO' })
  await assert.rejects(publishClaimed(logs, keyIdentity('k', one), one), storedIs('unknown'))
  disk.healFaults()
  await assert.rejects(publishClaimed(logs, keyIdentity('k', one), one), storedIs('unknown'))
  await assert.rejects(publishClaimed(logs, keyIdentity('k', other), other), brokerError('IDEMPOTENCY_MISMATCH'))
})

test('a doubt ends when its request would have expired: the producer begins anew', async () => {
  const { disk, logs, clock } = await open()
  await publishClaimed(logs, sequenceIdentity('p', 0, one), one)
  disk.fail({ kinds: ['datasync', 'writeDurably'], pathContains: '/b/journal', nth: 1, code: 'EIO' })
  const part: ClaimedValues = new Map([[1, ['lost?']]])
  await assert.rejects(publishClaimed(logs, sequenceIdentity('p', 1, part), part), storedIs('unknown'))
  disk.healFaults()
  clock.advance(25 * 3_600_000)
  assert.equal(await logs.producers.describe(CLAIMED_TOPIC, 'p'), undefined)
  assert.deepEqual(await publishClaimed(logs, sequenceIdentity('p', 0, other), other), new Map([[0, 2]]))
})

for (const damage of ['missing', 'rotten', 'older'] as const) {
  test(`a producers file that is ${damage} is told as a trouble, and a part it may have known is not stored again`, async () => {
    const { disk, logs, clock } = await open()
    const part: ClaimedValues = new Map([[1, ['first']]])
    await publishClaimed(logs, sequenceIdentity('p', 0, part), part)
    await logs.logs[1]?.checkpoint()
    const old = disk.contentOf('/b/producers')
    await publishClaimed(logs, sequenceIdentity('p', 1, both), both)
    await logs.close()
    const restarted = disk.kill()
    if (damage === 'missing') await restarted.unlink('/b/producers')
    if (damage === 'older') restarted.alter('/b/producers', () => old)
    if (damage === 'rotten') {
      restarted.alter('/b/producers', (bytes) => {
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
        return bytes
      })
    }
    const again = await open(restarted, clock)
    assert.deepEqual(
      again.logs.logs.flatMap((log) => log.troubles().map(({ kind }) => kind)),
      ['producers-lost'],
    )
    const doubtful = brokerError('KAFKA_STORAGE_ERROR', { stored: 'unknown' })
    await assert.rejects(publishClaimed(again.logs, sequenceIdentity('p', 1, both), both), doubtful)
    await again.logs.close()
    const later = await open(again.disk.kill(), clock)
    assert.equal(later.logs.logs[1]?.troubles().length, 1, 'the loss is remembered')
    await assert.rejects(publishClaimed(later.logs, sequenceIdentity('p', 1, both), both), doubtful)
    assert.deepEqual(await valuesIn(later.disk, later.logs, 1), ['first', 'b', 'c'])
    await publishClaimed(later.logs, sequenceIdentity('p', 0, one, 1), one)
    await later.logs.close()
    clock.advance(25 * 3_600_000)
    const healed = await open(later.disk.kill(), clock)
    assert.deepEqual(healed.logs.logs[1]?.troubles(), [])
  })
}

test('of several requests that a loss left in part the newest stays in doubt: its repeat stores nothing twice', async () => {
  const { disk, logs, clock } = await open()
  for (const sequence of [0, 1, 2]) await publishClaimed(logs, sequenceIdentity('p', sequence, both), both)
  await logs.logs[1]?.checkpoint()
  await logs.close()
  const restarted = disk.kill()
  await restarted.unlink('/b/producers')
  const again = await open(restarted, clock)
  const doubtful = brokerError('KAFKA_STORAGE_ERROR', { stored: 'unknown' })
  await assert.rejects(publishClaimed(again.logs, sequenceIdentity('p', 2, both), both), doubtful)
  assert.deepEqual(await valuesIn(again.disk, again.logs, 1), ['b', 'c', 'b', 'c', 'b', 'c'])
})

test('a request larger than the direct limit takes its facts into the frame that names it', async () => {
  const { disk, logs, clock } = await open()
  const large: ClaimedValues = new Map([
    [0, ['x'.repeat(20_000)]],
    [2, ['y'.repeat(9000)]],
  ])
  const placed = await publishClaimed(logs, sequenceIdentity('p', 0, large), large)
  const again = await open(disk.crash('none'), clock)
  assert.deepEqual(await publishClaimed(again.logs, sequenceIdentity('p', 0, large), large), placed)
})

test('facts of a partition whose directory is away at a start stay known, and so do its records', async () => {
  const { disk, logs, clock } = await open()
  const identity = sequenceIdentity('p', 0, both)
  const placed = await publishClaimed(logs, identity, both)
  const away = disk.crash('none')
  await away.rename('/b/orders-1', '/b/elsewhere')
  const without = await open(away, clock)
  assert.deepEqual(await publishClaimed(without.logs, identity, both), placed)
  await assert.rejects(publishClaimed(without.logs, sequenceIdentity('p', 1, both), both), storedIs('partial'))
  await without.logs.close()
  const back = without.disk.kill()
  await back.rename('/b/elsewhere', '/b/orders-1')
  const again = await open(back, clock)
  assert.deepEqual(await publishClaimed(again.logs, identity, both), placed)
  await publishClaimed(again.logs, sequenceIdentity('p', 1, both), both)
  assert.deepEqual(await valuesIn(again.disk, again.logs, 0), ['a', 'a'])
  assert.deepEqual(await valuesIn(again.disk, again.logs, 1), ['b', 'c', 'b', 'c'])
})

test('a disk that is full at a checkpoint loses no facts', async () => {
  const { disk, logs, clock } = await open()
  await publishClaimed(logs, sequenceIdentity('p', 0, both), both)
  disk.fail({ kinds: ['write', 'writeDurably'], pathContains: '/b/producers', nth: 1, code: 'ENOSPC', sticky: true })
  await assert.rejects(logs.logs[1]?.checkpoint() ?? Promise.resolve())
  await publishClaimed(logs, sequenceIdentity('p', 1, both), both)
  disk.healFaults()
  await logs.logs[1]?.checkpoint()
  await publishClaimed(logs, sequenceIdentity('p', 2, both), both)
  const again = await open(disk.crash('none'), clock)
  for (const sequence of [0, 1, 2]) {
    const placed = await publishClaimed(again.logs, sequenceIdentity('p', sequence, both), both)
    assert.deepEqual(
      placed,
      new Map([
        [0, sequence],
        [1, sequence * 2],
      ]),
    )
  }
})

test('when memory is full new producers get 429', async () => {
  const { logs } = await open()
  const full = async (): Promise<BrokerError | undefined> => {
    for (let number = 0; number < 4000; number++) {
      try {
        const claim = await logs.producers.claim(CLAIMED_TOPIC, sequenceIdentity(`p${number}`, 0, one))
        assert.equal(claim.isComplete, false)
      } catch (error) {
        if (error instanceof BrokerError) return error
        throw error
      }
    }
    return undefined
  }
  const error = await full()
  assert.equal(error?.code, 'PRODUCER_STATE_FULL')
  assert.equal(error.status, 429)
})

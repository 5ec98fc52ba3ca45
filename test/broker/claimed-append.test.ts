import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { appendClaimed } from '../../src/broker/claimed-append.ts'
import type { AppendPart, AppendResult } from '../../src/broker/append-request.ts'
import type { PublishClaim, StoredPart } from '../../src/broker/publish-claim.ts'

class FakeClaim implements PublishClaim {
  readonly partitionCount = 6
  readonly arrivedMs = 1_700_000_000_000
  readonly stored: readonly StoredPart[]
  readonly isComplete: boolean
  /** What was called, in order. */
  readonly calls: unknown[] = []
  rejection: BrokerError | undefined

  constructor(stored: readonly StoredPart[] = [], isComplete = false) {
    this.stored = stored
    this.isComplete = isComplete
  }

  append(missing: readonly AppendPart[], partitions: readonly number[]): Promise<AppendResult> {
    this.calls.push(['append', missing.map(({ partition }) => partition), partitions])
    if (this.rejection !== undefined) return Promise.reject(this.rejection)
    const parts = missing.map(({ partition }) => ({ partition, baseOffset: 100 + partition, logAppendTime: -1 }))
    return Promise.resolve({ durability: 'fsync', parts })
  }

  release(): void {
    this.calls.push('release')
  }
}

const partsOf = (...partitions: number[]): AppendPart[] => partitions.map((partition) => ({ partition, batches: [] }))
const stored = (partition: number): StoredPart => ({ partition, baseOffset: 7, lastOffset: 8, logAppendTime: -1 })
const refusal = new BrokerError('MESSAGE_TOO_LARGE', 'Too large.', { stored: 'no' })

test('a request that comes first is appended whole', async () => {
  const claim = new FakeClaim()
  const { parts } = await appendClaimed(claim, () => partsOf(3, 1), 'fsync')
  assert.deepEqual(
    parts.map(({ baseOffset }) => baseOffset),
    [103, 101],
  )
  assert.deepEqual(claim.calls, [['append', [3, 1], [3, 1]]])
})

test('one that is stored whole is neither encoded nor appended', async () => {
  const claim = new FakeClaim([stored(3), stored(1)], true)
  const { parts, durability } = await appendClaimed(claim, () => assert.fail('encoded'), 'replicated')
  assert.deepEqual([durability, parts.map(({ partition }) => partition)], ['replicated', [3, 1]])
  assert.deepEqual(claim.calls, [])
})

test('of one that is stored in part the rest is appended, and the answer is in request order', async () => {
  const claim = new FakeClaim([stored(1)])
  const { parts } = await appendClaimed(claim, async () => partsOf(3, 1, 2), 'fsync')
  assert.deepEqual(
    parts.map(({ partition, baseOffset }) => [partition, baseOffset]),
    [
      [3, 103],
      [1, 7],
      [2, 102],
    ],
  )
  assert.deepEqual(claim.calls, [['append', [3, 2], [3, 1, 2]]])
})

test('where the rest cannot be appended, only the rest has failed', async () => {
  const claim = new FakeClaim([stored(1)])
  claim.rejection = new BrokerError('KAFKA_STORAGE_ERROR', 'No disk.', { stored: 'no' })
  const { parts } = await appendClaimed(claim, () => partsOf(3, 1), 'fsync')
  assert.deepEqual(
    parts.map(({ error }) => error?.code),
    ['KAFKA_STORAGE_ERROR', undefined],
  )
  const first = new FakeClaim()
  first.rejection = claim.rejection
  await assert.rejects(
    appendClaimed(first, () => partsOf(3, 1), 'fsync'),
    claim.rejection,
  )
})

const refusing: readonly (readonly [string, () => readonly AppendPart[] | Promise<readonly AppendPart[]>])[] = [
  [
    'at once',
    () => {
      throw refusal
    },
  ],
  ['later', () => Promise.reject(refusal)],
]
for (const [when, parts] of refusing) {
  test(`a request that is refused ${when} lets go of its claim, and says what is stored`, async () => {
    const first = new FakeClaim()
    await assert.rejects(appendClaimed(first, parts, 'fsync'), refusal)
    const partial = new FakeClaim([stored(1)])
    await assert.rejects(
      appendClaimed(partial, parts, 'fsync'),
      (error) => error instanceof BrokerError && error.options.stored === 'partial' && error.code === refusal.code,
    )
    assert.deepEqual([first.calls, partial.calls], [['release'], ['release']])
  })
}

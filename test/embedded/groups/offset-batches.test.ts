import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafkaSettings } from '../../../src/config/kafka-settings.ts'
import { encodeOffsetWrites } from '../../../src/embedded/groups/offset-batches.ts'

/** The most that `offset.metadata.max.bytes` may be. */
const NOTE_MAX_LENGTH = 131_072

test('the longest note that can be allowed goes into one record, in its widest characters', () => {
  const { type } = kafkaSettings.offsetMetadataMaxBytes
  type.check(NOTE_MAX_LENGTH)
  assert.throws(() => type.check(NOTE_MAX_LENGTH + 1))
  const topic = 't'.repeat(249)
  const position = { topic, partition: 99_999, nextOffset: Number.MAX_SAFE_INTEGER, commitTimestamp: 1_700_000_000_000 }
  const row = { ...position, topicId: 'A'.repeat(22), metadata: '€'.repeat(NOTE_MAX_LENGTH) }
  const writes = [row, { ...row, partition: 3 }].map((each) => ({ topic, partition: each.partition, row: each }))
  const batches = encodeOffsetWrites('g'.repeat(249), writes, 1_700_000_000_000)
  assert.deepEqual(
    batches.map(({ recordCount }) => recordCount),
    [1, 1],
  )
})

import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { Findings } from './findings.ts'
import { loadRecord } from './load-records.ts'
import { type FoundPartition, type ReadRecord, TopicHistory, type TopicRules } from './topic-history.ts'

/** A checker that finds nothing is worth something only if it finds what is planted. */

const rules: TopicRules = { topic: 'orders', partitions: 2, cleanup: 'nothing' }

let findings: Findings
let history: TopicHistory

function given(more: Partial<TopicRules> = {}): void {
  findings = new Findings()
  history = new TopicHistory({ ...rules, ...more }, findings, () => 0)
}

beforeEach(() => given())

function record(offset: number, number: number, publisher = 'a'): ReadRecord {
  return { partition: 0, offset, ...loadRecord({ publisher, number }) }
}

/** Partition 0 as it is found, with the records of `a` by offset, unless otherwise said. */
function found(records: readonly ReadRecord[], more: Partial<FoundPartition> = {}): FoundPartition {
  const highWatermark = records.length === 0 ? 0 : (records.at(-1)?.offset ?? 0) + 1
  return { partition: 0, logStartOffset: 0, highWatermark, sizeBytes: 1000, from: 0, records, ...more }
}

function acknowledge(number: number, offset: number, durability: 'fsync' | 'kernel' = 'fsync'): void {
  history.acknowledged({ publisher: 'a', number }, { partition: 0, offset }, durability)
}

function onlyViolation(): string {
  assert.equal(findings.violations.length, 1, findings.violations.join('\n'))
  return findings.violations[0] ?? ''
}

describe('a log that is as clients know it', () => {
  test('what was acknowledged, read, or sent without an answer is no violation', () => {
    acknowledge(0, 0)
    acknowledge(1, 1)
    history.delivered(record(1, 1))
    history.audit(found([record(0, 0), record(1, 1), record(2, 2)]), 'power cut')
    history.acknowledgedUpTo('a', [3, 4, 5], { partition: 0, offset: 5 })
    const more = [record(3, 3), record(4, 4), record(5, 5)]
    history.audit(found(more, { from: 3 }), 'kill')
    history.finishAudit()
    assert.equal(history.outcomeOf('a', [1, 2]), 'stored')
    assert.equal(history.outcomeOf('a', [6, 7]), 'not stored')
    assert.deepEqual(findings.violations, [])
    assert.deepEqual([findings.lost, findings.recordsChecked], [0, 6])
  })

  test('a request that is sent again may be answered with the place where it was found', () => {
    history.audit(found([record(0, 0)]), 'kill')
    acknowledge(0, 0)
    assert.deepEqual(findings.violations, [])
  })

  test('the power may take what the kernel alone had, and its offsets go to others', () => {
    acknowledge(0, 0, 'kernel')
    acknowledge(1, 1, 'kernel')
    acknowledge(2, 2, 'kernel')
    history.audit(found([record(0, 0), record(1, 0, 'b')]), 'power cut')
    assert.deepEqual([findings.violations, findings.lostAtAcksOne, findings.lost], [[], 2, 0])
  })

  test('retention takes whole records away from the start', () => {
    given({ cleanup: 'retention', retentionBytes: 500 })
    acknowledge(0, 0)
    acknowledge(1, 1)
    history.audit(found([record(1, 1)], { logStartOffset: 1, from: 1 }), 'kill')
    assert.deepEqual(findings.violations, [])
  })

  test('compaction takes what has a newer record of its key', () => {
    given({ cleanup: 'compaction' })
    acknowledge(0, 0)
    acknowledge(40, 1)
    history.audit(found([record(1, 40)]), 'kill')
    assert.deepEqual(findings.violations, [])
  })
})

describe('loss', () => {
  test('an acknowledged record behind the end', () => {
    acknowledge(0, 0)
    acknowledge(1, 1)
    history.audit(found([record(0, 0)]), 'power cut')
    assert.match(onlyViolation(), /a\/1 was acknowledged \(fsync\) at 0@1 .* is gone: the log ends at 1/)
    assert.equal(findings.lost, 1)
  })

  test('a record that a reader saw, though only the kernel vouched for it', () => {
    acknowledge(0, 0, 'kernel')
    history.delivered(record(0, 0))
    history.audit(found([]), 'power cut')
    assert.match(onlyViolation(), /a\/0 was read at 0@0/)
  })

  test('a record that an earlier audit found', () => {
    history.audit(found([record(0, 0), record(1, 1)]), 'kill')
    history.audit(found([], { from: 2, highWatermark: 1 }), 'kill')
    assert.match(onlyViolation(), /a\/1 was read at 0@1/)
  })

  test('what the kernel alone had survives a kill', () => {
    acknowledge(0, 0, 'kernel')
    history.audit(found([]), 'kill')
    assert.match(onlyViolation(), /acknowledged \(kernel\)/)
  })

  test('another record at an acknowledged offset', () => {
    acknowledge(0, 0)
    history.audit(found([record(0, 7)]), 'power cut')
    assert.match(findings.violations.join('\n'), /a\/0 was acknowledged .* is gone: a\/7 is there/)
  })

  test('lines that were acknowledged together', () => {
    history.acknowledgedUpTo('a', [0, 1, 2], { partition: 0, offset: 2 })
    history.audit(found([record(0, 0), record(1, 2)]), 'kill')
    history.finishAudit()
    assert.match(onlyViolation(), /a\/1 was acknowledged up to 0@2 and is nowhere/)
  })

  test('a compacted record without a newer one of its key', () => {
    given({ cleanup: 'compaction' })
    acknowledge(0, 0)
    acknowledge(41, 1)
    history.audit(found([record(1, 41)]), 'kill')
    assert.match(onlyViolation(), /a\/0 .* no newer one of its key/)
  })

  test('the newest record of a key that had been there and is compacted away', () => {
    given({ cleanup: 'compaction' })
    history.audit(found([record(0, 0), record(1, 40)]), 'kill')
    history.audit(found([record(2, 41)]), 'kill')
    assert.match(findings.violations.join('\n'), /a\/40 was read at 0@1 .* no newer one of its key/)
  })

  test('half of a request', () => {
    history.audit(found([record(0, 0)]), 'kill')
    history.outcomeOf('a', [0, 1])
    assert.match(onlyViolation(), /1 of the 2 records of a request of a/)
  })
})

describe('records that must not be there', () => {
  test('a hole in the offsets', () => {
    history.audit(found([record(0, 0), record(3, 1)]), 'kill')
    assert.match(onlyViolation(), /offsets 1 to 2 of partition 0 are missing/)
  })

  test('an end that readers do not reach', () => {
    history.audit(found([record(0, 0)], { highWatermark: 3 }), 'kill')
    assert.match(onlyViolation(), /offsets 1 to 2 of partition 0 are missing/)
  })

  test('a record twice', () => {
    history.audit(found([record(0, 0), record(1, 1)]), 'kill')
    history.audit(found([record(2, 1)], { from: 2 }), 'kill')
    assert.match(findings.violations.join('\n'), /a\/1 is stored twice, at 0@1 and 0@2/)
  })

  test('a record twice, in two partitions', () => {
    history.audit(found([record(0, 0)]), 'kill')
    history.audit({ ...found([{ ...record(0, 0), partition: 1 }]), partition: 1 }, 'kill')
    assert.match(onlyViolation(), /stored twice, at 0@0 and 1@0/)
  })

  test('a request stored again and acknowledged at the new place', () => {
    history.audit(found([record(0, 0)]), 'kill')
    acknowledge(0, 1)
    assert.match(findings.violations.join('\n'), /a\/0 was acknowledged at 0@1 and is at 0@0/)
  })

  test('one offset for two records', () => {
    acknowledge(0, 0)
    acknowledge(1, 0)
    assert.match(onlyViolation(), /0@0 was a\/0 \(fsync\) and is a\/1 \(fsync\)/)
  })

  test('records of a publisher out of their order, also across audits', () => {
    history.audit(found([record(0, 1)]), 'kill')
    history.audit(found([record(1, 0)], { from: 1 }), 'kill')
    assert.match(onlyViolation(), /a\/0 at 0@1 stands behind a\/1/)
  })

  test('other bytes than were sent', () => {
    const sent = record(0, 0)
    history.audit(found([{ ...sent, value: sent.value.replace('note', 'nota') }]), 'kill')
    assert.match(onlyViolation(), /holds what nobody sent/)
  })

  test('another key than was sent', () => {
    history.delivered({ ...record(0, 0), key: 'other' })
    assert.match(onlyViolation(), /holds what nobody sent/)
  })

  test('what was refused', () => {
    history.refused('a', [0])
    history.audit(found([record(0, 0)]), 'kill')
    assert.match(onlyViolation(), /which was refused with stored = no/)
  })
})

describe('bounds', () => {
  test('a start where nothing may take records away', () => {
    history.audit(found([record(1, 1)], { logStartOffset: 1, from: 1 }), 'kill')
    assert.match(onlyViolation(), /starts at 1, and nothing may take records from it/)
  })

  test('a start that goes back', () => {
    given({ cleanup: 'retention' })
    history.audit(found([record(5, 5)], { logStartOffset: 5, from: 5 }), 'kill')
    history.audit(found([], { logStartOffset: 4, from: 6, highWatermark: 6 }), 'kill')
    assert.match(onlyViolation(), /starts at 4 and had started at 5/)
  })

  test('retention of too much', () => {
    given({ cleanup: 'retention', retentionBytes: 5000 })
    history.audit(found([record(5, 5)], { logStartOffset: 5, from: 5 }), 'kill')
    assert.match(onlyViolation(), /was cut to 1000 bytes, of 5000 to be kept/)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { GroupRecord } from '../../../../src/embedded/groups/membership/group-record.ts'
import { decodeGroupRecord, encodeGroupRecord } from '../../../../src/embedded/groups/records/group-record-codec.ts'

const first = 'AAECAwQFBgcICQoLDA0ODw'
const second = 'EBESExQVFhcYGRobHB0eHw'

/** Keys and values written by Kafka 4.3.1's own message classes. */
const golden: readonly { record: GroupRecord; key: string; value: string }[] = [
  {
    record: { kind: 'group', value: { epoch: 7, metadataHash: 0x01_0203_0405_060 } },
    key: '0003000762696c6c696e67',
    value: '0000000000070100080000102030405060',
  },
  {
    record: { kind: 'group', value: { epoch: 7, metadataHash: 0 } },
    key: '0003000762696c6c696e67',
    value: '00000000000700',
  },
  {
    record: {
      kind: 'member',
      memberId: 'w-1',
      value: {
        instanceId: 'host-1',
        clientId: 'curl/8',
        clientHost: '127.0.0.1',
        topics: ['orders', 'pay'],
        rebalanceTimeoutMs: 300_000,
        assignor: 'range',
      },
    },
    key: '0005000762696c6c696e670003772d31',
    value: '000007686f73742d3100076375726c2f380a3132372e302e302e3103076f72646572730470617900000493e00672616e676500',
  },
  {
    record: { kind: 'target-epoch', value: { assignmentEpoch: 7 } },
    key: '0006000762696c6c696e67',
    value: '00000000000700',
  },
  {
    record: {
      kind: 'target',
      memberId: 'w-1',
      value: new Map([
        [first, [0, 2, 300]],
        [second, [1]],
      ]),
    },
    key: '0007000762696c6c696e670003772d31',
    value:
      '000003000102030405060708090a0b0c0d0e0f0400000000000000020000012c00101112131415161718191a1b1c1d1e1f02000000010000',
  },
  {
    record: {
      kind: 'current',
      memberId: 'w-1',
      value: {
        epoch: 7,
        previousEpoch: 5,
        state: 'unrevoked',
        assigned: new Map([
          [
            first,
            new Map([
              [0, 3],
              [2, 7],
            ]),
          ],
        ]),
        revoking: new Map([[second, new Map([[1, 4]])]]),
      },
    },
    key: '0008000762696c6c696e670003772d31',
    value:
      '000000000007000000050102000102030405060708090a0b0c0d0e0f03000000000000000201000903000000030000000702' +
      '101112131415161718191a1b1c1d1e1f0200000001010005020000000400',
  },
]

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

test("keys and values are Kafka's, byte for byte", () => {
  for (const { record, key, value } of golden) {
    const encoded = encodeGroupRecord('billing', record)
    assert.equal(encoded.key.toString('hex'), key, record.kind)
    assert.equal(encoded.value?.toString('hex'), value, record.kind)
    assert.deepEqual(decodeGroupRecord(hex(key), hex(value)), { group: 'billing', record })
  }
})

test('what Kafka writes beyond what is used here is read over', () => {
  const classic = '00000003723101010101ffffffff00010007010000afc80100'
  assert.deepEqual(decodeGroupRecord(hex('0005000762696c6c696e670003772d31'), hex(classic)), {
    group: 'billing',
    record: {
      kind: 'member',
      memberId: 'w-1',
      value: { instanceId: null, clientId: '', clientHost: '', topics: [], rebalanceTimeoutMs: -1, assignor: null },
    },
  })
  const timed = hex('0000000000070100080000018bcfe56800')
  assert.deepEqual(decodeGroupRecord(hex('0006000762696c6c696e67'), timed), {
    group: 'billing',
    record: { kind: 'target-epoch', value: { assignmentEpoch: 7 } },
  })
})

test('an assignment of an older Kafka, which tells no epochs, counts from the present epoch of its member', () => {
  const value = hex('000000000009000000050002000102030405060708090a0b0c0d0e0f030000000000000002000100')
  const decoded = decodeGroupRecord(hex('0008000762696c6c696e670003772d31'), value)
  assert.ok(typeof decoded !== 'string' && decoded.record.kind === 'current')
  const expected = new Map([
    [0, 9],
    [2, 9],
  ])
  assert.deepEqual(decoded.record.value?.assigned, new Map([[first, expected]]))
})

test('other records, other versions, unknown states and trailing bytes are told apart', () => {
  const offsetKey = hex('0001000762696c6c696e6700066f726465727300000003')
  assert.equal(decodeGroupRecord(offsetKey, null), 'other')
  assert.equal(decodeGroupRecord(Buffer.alloc(1), null), 'malformed')
  assert.equal(decodeGroupRecord(hex('0003000762696c6c696e6700'), null), 'malformed')
  const groupKey = hex('0003000762696c6c696e67')
  assert.equal(decodeGroupRecord(groupKey, hex('00010000000700')), 'malformed')
  assert.equal(decodeGroupRecord(groupKey, hex('0000000000070000')), 'malformed')
  const unknownState = hex('000000000009000000057f010100')
  assert.equal(decodeGroupRecord(hex('0008000762696c6c696e670003772d31'), unknownState), 'malformed')
})

test('what is written is read back, tombstones too; no part of it is a record', () => {
  fc.assert(
    fc.property(records, fc.string({ minLength: 1, maxLength: 40 }), (record, group) => {
      const { key, value } = encodeGroupRecord(group, record)
      assert.deepEqual(decodeGroupRecord(key, value), { group, record })
      if (value === null) return
      for (let cut = 0; cut < value.length; cut++) {
        assert.equal(decodeGroupRecord(key, value.subarray(0, cut)), 'malformed')
      }
    }),
    { numRuns: 200 },
  )
})

test('no bytes make the decoder throw or take memory', () => {
  fc.assert(
    fc.property(fc.constantFrom(3, 5, 6, 7, 8), fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
      const key = Buffer.from([0, type, 0, 1, 0x67, ...(type === 3 || type === 6 ? [] : [0, 1, 0x6d])])
      const decoded = decodeGroupRecord(key, Buffer.from([0, 0, ...bytes]))
      assert.ok(decoded === 'malformed' || typeof decoded === 'object')
    }),
    { numRuns: 2_000 },
  )
})

const topicIds = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('base64url'))
const int32 = fc.integer({ min: 0, max: 0x7fff_ffff })
const names = fc.string({ unit: 'grapheme', maxLength: 30 })
const partitions = fc.uniqueArray(int32, { minLength: 1, maxLength: 40 }).map((list) => list.sort((a, b) => a - b))
const assignments = fc
  .dictionary(topicIds, partitions, { maxKeys: 4 })
  .map((topics) => new Map(Object.entries(topics).sort(([a], [b]) => (a < b ? -1 : 1))))
const holdings = fc
  .tuple(assignments, int32)
  .map(
    ([topics, since]) =>
      new Map([...topics].map(([id, list]) => [id, new Map(list.map((partition) => [partition, since]))])),
  )
const records: fc.Arbitrary<GroupRecord> = fc.oneof(
  fc
    .record({ epoch: int32, metadataHash: fc.maxSafeNat() }, { noNullPrototype: true })
    .map((value): GroupRecord => ({ kind: 'group', value })),
  fc
    .record(
      {
        instanceId: fc.option(names),
        clientId: names,
        clientHost: names,
        topics: fc.array(names, { maxLength: 5 }),
        rebalanceTimeoutMs: int32,
        assignor: fc.option(names),
      },
      { noNullPrototype: true },
    )
    .map((value): GroupRecord => ({ kind: 'member', memberId: 'm', value })),
  int32.map((assignmentEpoch): GroupRecord => ({ kind: 'target-epoch', value: { assignmentEpoch } })),
  assignments.map((value): GroupRecord => ({ kind: 'target', memberId: 'm', value })),
  fc
    .record(
      {
        epoch: fc.oneof(int32, fc.constant(-2)),
        previousEpoch: int32,
        state: fc.constantFrom('stable' as const, 'unrevoked' as const, 'unreleased' as const),
        assigned: holdings,
        revoking: holdings,
      },
      { noNullPrototype: true },
    )
    .map((value): GroupRecord => ({ kind: 'current', memberId: 'm', value })),
  fc.constantFrom<GroupRecord>(
    { kind: 'group', value: null },
    { kind: 'target-epoch', value: null },
    { kind: 'member', memberId: 'm', value: null },
    { kind: 'target', memberId: 'm', value: null },
    { kind: 'current', memberId: 'm', value: null },
  ),
)

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  knownProducer,
  readLedgerEntry,
  withRequest,
  writeLedgerEntry,
  type LedgerEntry,
} from '../../../src/kafka/claims/ledger-entry.ts'
import { keyOf, sequenceOf } from './model-gateway.ts'

const number = fc.maxSafeNat()
const plain = { noNullPrototype: true }
const run = fc.record({ recordCount: number, baseOffset: number, logAppendTime: fc.integer({ min: -1 }) }, plain)
const part = fc.record(
  {
    partition: fc.nat(100_000),
    baseOffset: number,
    lastOffset: number,
    logAppendTime: fc.integer({ min: -1 }),
    runs: fc.array(run, { minLength: 2, maxLength: 4 }),
  },
  { requiredKeys: ['partition', 'baseOffset', 'lastOffset', 'logAppendTime'], noNullPrototype: true },
)
const request = fc.record(
  {
    sequence: number,
    fingerprint: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
    partitionCount: fc.integer({ min: 1, max: 100_000 }),
    arrivedMs: number,
    stored: fc.array(part, { maxLength: 5 }),
    missing: fc.constant([]),
  },
  plain,
)
const entries = fc.record(
  {
    bornMs: number,
    epoch: fc.nat(32_767),
    requests: fc.array(request, { minLength: 1, maxLength: 5 }),
  },
  plain,
)

test('an entry is read as it was written', () => {
  fc.assert(fc.property(entries, (entry) => assert.deepEqual(readLedgerEntry(writeLedgerEntry(entry)), entry)))
})

test('what is cut, of a later version or somebody else’s is no entry, and never throws', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (entry, at) => {
      const written = writeLedgerEntry(entry)
      assert.equal(readLedgerEntry(written.subarray(0, at % written.length)), undefined)
    }),
  )
  fc.assert(fc.property(fc.json(), (text) => void readLedgerEntry(Buffer.from(text))))
  for (const text of ['', 'null', '{}', '{"version":2}', '{"version":1,"bornMs":1,"epoch":0,"requests":[]}']) {
    assert.equal(readLedgerEntry(Buffer.from(text)), undefined, text)
  }
})

const facts = { partitionCount: 3, arrivedMs: 5, stored: [] }

test('the last five requests of an epoch are remembered, and a key’s last', () => {
  let entry: LedgerEntry | undefined
  for (let sequence = 0; sequence < 8; sequence++) entry = withRequest(entry, sequenceOf(sequence), facts)
  const known = entry && knownProducer(entry)
  assert.deepEqual([known?.lastSequence, known?.request(2), known?.request(3)?.sequence], [7, undefined, 3])
  const later = withRequest(entry, sequenceOf(0, { epoch: 1 }), facts)
  assert.deepEqual(
    later.requests.map(({ sequence }) => sequence),
    [0],
  )
  const keyed = withRequest(withRequest(undefined, keyOf('a', 'first'), facts), keyOf('a', 'second'), facts)
  assert.deepEqual(
    keyed.requests.map(({ fingerprint }) => fingerprint.toString().trim()),
    ['second'],
  )
})

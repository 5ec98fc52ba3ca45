import assert from 'node:assert/strict'
import test from 'node:test'
import { RecordFaults, type RecordFaultKind } from '../../src/broker/record-faults.ts'

function errorOf(...kinds: RecordFaultKind[]) {
  const faults = new RecordFaults()
  kinds.forEach((kind, i) => faults.add(kind, `/records/${i}`, () => `fault ${i}.`))
  return faults.toError()
}

const verdicts: readonly (readonly [RecordFaultKind[], string, number])[] = [
  [['empty'], 'INVALID_RECORD', 400],
  [['partition', 'partition'], 'UNKNOWN_TOPIC_OR_PARTITION', 400],
  [['null-key'], 'INVALID_RECORD', 422],
  [['timestamp'], 'INVALID_TIMESTAMP', 422],
  [['too-large'], 'MESSAGE_TOO_LARGE', 413],
  [['beyond-segment'], 'RECORD_LIST_TOO_LARGE', 413],
  [['null-key', 'timestamp', 'too-large'], 'INVALID_TIMESTAMP', 422],
  [['partition', 'too-large'], 'INVALID_RECORD', 422],
]

for (const [kinds, code, status] of verdicts) {
  test(`${kinds.join(' and ')} is ${code}`, () => {
    const error = errorOf(...kinds)
    assert.equal(error.code, code)
    assert.equal(error.status, status)
    assert.equal(error.options.errorCount, kinds.length)
  })
}

test('all faults are counted, the first hundred told', () => {
  const error = errorOf(...Array.from({ length: 250 }, (): RecordFaultKind => 'null-key'))
  assert.equal(error.options.errorCount, 250)
  assert.equal(error.options.errors?.length, 100)
  assert.deepEqual(error.options.errors?.[99], { pointer: '/records/99', detail: 'fault 99.' })
  assert.match(error.message, /^fault 0\. No record was stored\. There are 250 faults/)
})

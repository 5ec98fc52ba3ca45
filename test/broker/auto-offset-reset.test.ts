import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAutoOffsetReset } from '../../src/broker/auto-offset-reset.ts'
import { brokerError } from '../support/engine-records.ts'

const now = 1_700_000_000_000

test("Kafka's words", () => {
  assert.equal(parseAutoOffsetReset('none', now), 'none')
  assert.deepEqual(parseAutoOffsetReset('earliest', now), { at: 'earliest' })
  assert.deepEqual(parseAutoOffsetReset('latest', now), { at: 'latest' })
})

test('durations count back from now', () => {
  const back = (text: string): number => {
    const reset = parseAutoOffsetReset(`by_duration:${text}`, now)
    return reset === 'none' || typeof reset.at !== 'number' ? Number.NaN : now - reset.at
  }
  assert.equal(back('PT1H'), 3_600_000)
  assert.equal(back('P1D'), 86_400_000)
  assert.equal(back('P1DT2H3M4.5S'), 86_400_000 + 7_200_000 + 180_000 + 4500)
  assert.equal(back('pt0.25s'), 250)
  assert.equal(back('PT0S'), 0)
  assert.equal(back('P999999D'), now)
})

test('anything else is refused by name', () => {
  const others = ['', 'Earliest', 'by_duration', 'by_duration:', 'by_duration:P', 'by_duration:PT', 'by_duration:1h']
  for (const text of [...others, 'by_duration:-PT1H', 'by_duration:P1Y', 'by_duration:PT1.H', 'by_duration:P1DT']) {
    assert.throws(() => parseAutoOffsetReset(text, now), brokerError('INVALID_REQUEST'), text)
  }
})

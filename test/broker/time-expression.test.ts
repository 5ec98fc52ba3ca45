import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/broker/broker-error.ts'
import { parsePosition, parseTime } from '../../src/broker/time-expression.ts'

const now = Date.UTC(2026, 0, 31, 12)

function refused(text: string, detail: RegExp): void {
  assert.throws(
    () => parseTime(text, now, 'from'),
    (error) => {
      assert.ok(error instanceof BrokerError)
      assert.equal(error.status, 400)
      assert.match(error.message, detail)
      assert.equal(error.options.errors?.[0]?.pointer, '?from')
      return true
    },
  )
}

test('a time is milliseconds, ISO 8601, or back from now', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['1700000000000', 1_700_000_000_000],
    ['0', 0],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['2026-01-31T12:00:00Z', now],
    ['2026-01-31t12:00z', now],
    ['2026-01-31T12:00:00.250Z', now + 250],
    ['2026-01-31T12:00:00,5Z', now + 500],
    ['2026-01-31T14:00:00+02:00', now],
    ['2026-01-31T14:00:00 02:00', now],
    ['2026-01-31T14:00:00+0200', now],
    ['2026-01-31T14:00:00+02', now],
    ['2026-01-31T10:00:00-02:00', now],
    ['-15m', now - 900_000],
    ['-250ms', now - 250],
    ['-2s', now - 2000],
    ['-1h', now - 3_600_000],
    ['-1d', now - 86_400_000],
    ['-1w', now - 604_800_000],
    ['-99999999w', 0],
  ]
  for (const [text, ms] of cases) assert.equal(parseTime(text, now, 'from'), ms, text)
})

test('what is no time is refused with the remedy', () => {
  refused('1700000000', /looks like seconds.*1700000000000/)
  refused('1', /looks like seconds/)
  refused('yesterday', /is no time/)
  refused('', /is no time/)
  refused('2026-01-31T12:00:00', /no zone/)
  refused('2026-13-31T12:00:00Z', /no such date/)
  refused('2026-01-31 12:00:00Z', /is no time/)
  refused('1969-12-31', /before 1970/)
  refused('9007199254740993', /above 2\^53/)
  refused('-15', /is no time/)
  refused('15m', /is no time/)
  refused('NaN', /is no time/)
})

test('a position is an end or a time', () => {
  assert.equal(parsePosition('earliest', now, 'from'), 'earliest')
  assert.equal(parsePosition('latest', now, 'from'), 'latest')
  assert.equal(parsePosition('-1s', now, 'from'), now - 1000)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWrk } from '../../../bench/load/wrk.ts'

test("the line of wrk's script is read, microseconds as milliseconds and seconds", () => {
  assert.deepEqual(parseWrk('Running 2s test\nRESULT 300 2000000 1500 9000 2 4096\n'), {
    requests: 300,
    seconds: 2,
    p50Ms: 1.5,
    p99Ms: 9,
    errors: 2,
    bytes: 4096,
  })
})

test('anything else is shown', () => {
  assert.throws(() => parseWrk('unable to connect'), /wrk said:\nunable to connect/)
})

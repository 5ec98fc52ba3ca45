import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWrk, requestLines } from '../../../bench/load/wrk.ts'

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

test('the script gets a line a request, with its body where it has one', () => {
  const post = { path: '/topics/a/records', file: '/tmp/a folder/body-0.json' }
  assert.equal(
    requestLines([post, { path: '/x?a=1', file: undefined }]),
    '/topics/a/records\t/tmp/a folder/body-0.json\n/x?a=1\n',
  )
})

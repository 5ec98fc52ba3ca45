import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureText } from '../../bench/run-part.ts'

test('a failure shows what a server said that died, once', () => {
  const death = 'posthorn (publish) ended with 1; it said:\nno space left on device\n'
  assert.equal(failureText(new Error('fetch failed'), [death]), `fetch failed\n${death}`)
  assert.equal(failureText(new Error(death), [death]), death)
})

test('the cause of a failed request is shown', () => {
  const error = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })
  assert.equal(failureText(error, []), 'fetch failed: connect ECONNREFUSED')
  assert.equal(failureText('just text', []), 'just text')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { requestFingerprint } from '../../src/broker/request-fingerprint.ts'

const body = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))

test('the same request has the same fingerprint, wherever its body lies', () => {
  fc.assert(
    fc.property(fc.string(), body, fc.nat(9), (head, bytes, before) => {
      const elsewhere = Buffer.concat([Buffer.alloc(before, 7), bytes, Buffer.alloc(3, 9)])
      const moved = elsewhere.subarray(before, before + bytes.length)
      assert.deepEqual(requestFingerprint(head, moved), requestFingerprint(head, bytes))
    }),
  )
})

test('another body or another head has another fingerprint', () => {
  fc.assert(
    fc.property(fc.string(), body, fc.string(), body, (head, bytes, otherHead, otherBytes) => {
      const isSame = requestFingerprint(head, bytes).equals(requestFingerprint(otherHead, otherBytes))
      assert.equal(isSame, head === otherHead && bytes.equals(otherBytes))
    }),
  )
})

test('any one byte that changes, comes or goes is seen', () => {
  const bytes = Buffer.from(JSON.stringify({ records: [{ key: 'a', value: { total: 12.5 } }] }).repeat(6))
  const seen = new Set([requestFingerprint('/topics/a/records', bytes).toString('hex')])
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = changed[at]! ^ 1
    seen.add(requestFingerprint('/topics/a/records', changed).toString('hex'))
    const shorter = bytes.subarray(0, at)
    seen.add(requestFingerprint('/topics/a/records', shorter).toString('hex'))
  }
  assert.equal(seen.size, 1 + 2 * bytes.length)
})

test('a fingerprint is the same in each version of the server: facts hold it for days', () => {
  const fingerprint = requestFingerprint('/topics/orders/records\napplication/json', Buffer.from('123456789'))
  assert.equal(fingerprint.toString('hex', 0, 1), '01')
  assert.equal(fingerprint.toString('hex', 4), '00000009e3069283cbf43926')
})

test('heads that are many or long are as good as any', () => {
  const empty = Buffer.alloc(0)
  const first = requestFingerprint('0', empty)
  for (let number = 1; number < 3000; number++) requestFingerprint(String(number), empty)
  assert.deepEqual(requestFingerprint('0', empty), first)
  const long = 'x'.repeat(10_000)
  assert.deepEqual(requestFingerprint(long, empty), requestFingerprint(long, empty))
  assert.notDeepEqual(requestFingerprint(long, empty), requestFingerprint(`${long}y`, empty))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemberNames } from '../../../src/http/json/member-names.ts'

const members = new MemberNames(['key', 'value', 'keyEncoding'])

test('finds the names it has and no other', () => {
  const find = (name: string) => members.find(Buffer.from(`"${name}"`), 1, 1 + Buffer.byteLength(name))
  assert.deepEqual(['key', 'value', 'keyEncoding'].map(find), [0, 1, 2])
  for (const name of ['', 'k', 'kex', 'keys', 'Key', 'topic', 'é', 'keyEncodinG', 'x'.repeat(300)])
    assert.equal(find(name), -1, name)
  assert.equal(members.findText('value'), 1)
  assert.equal(members.findText('Value'), -1)
})

test('names that it could not tell apart are a programming error', () => {
  assert.throws(() => new MemberNames(['key', 'kit']), /AssertionError|no name like kit/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jaasCredentials } from '../../src/config/jaas-credentials.ts'

test('who logs in is read as Kafka writes it, quotes and backslashes in it included', () => {
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  const read = (options: string) => jaasCredentials(`${plain} ${options};`)
  assert.deepEqual(read('username="alice" password="se cret;="'), { username: 'alice', password: 'se cret;=' })
  assert.deepEqual(read('password=p username = u'), { username: 'u', password: 'p' })
  assert.deepEqual(read(String.raw`username="a\"b" password="c\\"`), { username: 'a"b', password: 'c\\' })
  assert.equal(read('username="alice"'), undefined)
  assert.equal(read(''), undefined)
})

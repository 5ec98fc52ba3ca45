import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemberListeners } from '../../../src/embedded/groups/member-listeners.ts'

test('a listener is called once, and only for its member', () => {
  const listeners = new MemberListeners()
  const called: string[] = []
  const listener = (): void => void called.push('twice')
  listeners.add('g', 'a', listener)
  listeners.add('g', 'a', listener)
  listeners.add('g', 'b', () => called.push('b'))
  listeners.add('h', 'a', () => called.push('h'))
  listeners.wake('g', ['a', 'nobody'])
  listeners.wake('g', ['a'])
  assert.deepEqual(called, ['twice', 'twice'])
})

test('who stopped listening hears nothing; stopping twice, or too late, harms nobody', () => {
  const listeners = new MemberListeners()
  const called: string[] = []
  const stop = listeners.add('g', 'a', () => called.push('first'))
  stop()
  listeners.add('g', 'a', () => called.push('second'))
  stop()
  listeners.wake('g', ['a'])
  listeners.add('g', 'a', () => called.push('third'))
  stop()
  listeners.wake('g', ['a'])
  assert.deepEqual(called, ['second', 'third'])
})

test('a listener that listens again is called at the next time, also when all are woken', () => {
  const listeners = new MemberListeners()
  let called = 0
  const again = (): void => {
    called++
    listeners.add('g', 'a', again)
  }
  listeners.add('g', 'a', again)
  listeners.add('g', 'b', () => called++)
  listeners.wakeAll()
  assert.equal(called, 2)
  listeners.wake('g', ['a'])
  assert.equal(called, 3)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestsOf } from '../../../bench/load/load.ts'

const load = { origin: 'http://localhost', connections: 1 }
const bodies = (count: number) => ({
  files: Array.from({ length: count }, (_, index) => `body-${index}`),
  contentType: 'application/json',
})

test('one path gets all bodies in turn', () => {
  assert.deepEqual(requestsOf({ ...load, paths: ['/a'], bodies: bodies(3) }), [
    { path: '/a', file: 'body-0' },
    { path: '/a', file: 'body-1' },
    { path: '/a', file: 'body-2' },
  ])
})

test('more paths than bodies: each path gets one', () => {
  assert.deepEqual(requestsOf({ ...load, paths: ['/a', '/b', '/c'], bodies: bodies(2) }), [
    { path: '/a', file: 'body-0' },
    { path: '/b', file: 'body-1' },
    { path: '/c', file: 'body-0' },
  ])
})

test('GETs have no body', () => {
  assert.deepEqual(requestsOf({ ...load, paths: ['/a', '/b'] }), [
    { path: '/a', file: undefined },
    { path: '/b', file: undefined },
  ])
})

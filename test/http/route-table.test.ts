import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RouteTable } from '../../src/http/route-table.ts'

const table = new RouteTable()
table.add('/topics', 'GET')
table.add('/topics', ['POST'])
table.add('/topics/:topic/records', 'GET')
table.add('/docs/*', 'GET')

test('methods are those of the paths that match', () => {
  assert.deepEqual(table.methodsOf('/topics'), ['GET', 'POST'])
  assert.deepEqual(table.methodsOf('/topics/orders/records'), ['GET'])
  assert.deepEqual(table.methodsOf('/docs/static/x.js'), ['GET'])
  for (const path of ['/topics/', '/topics//records', '/topics/orders', '/Topics', '/']) {
    assert.deepEqual(table.methodsOf(path), [], path)
  }
})

test('the nearest path keeps the names it was asked with', () => {
  assert.equal(table.nearest('/topics/orders/record'), '/topics/orders/records')
  assert.equal(table.nearest('/topics/'), '/topics')
  assert.equal(table.nearest('/something/else'), undefined)
})

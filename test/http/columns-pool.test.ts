import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ColumnsPool } from '../../src/http/columns-pool.ts'

test('columns come back empty, over the new body', () => {
  const pool = new ColumnsPool()
  const columns = pool.take(Buffer.from('first'))
  columns.addRecord()
  columns.addHeader(0, 1, 2, 3)
  columns.addRecord()
  columns.partition[1] = 7
  pool.giveBack(columns)
  const again = pool.take(Buffer.from('second'))
  assert.equal(again, columns)
  assert.equal(again.count, 0)
  assert.equal(again.bytes.toString(), 'second')
  const record = again.addRecord()
  assert.equal(again.headerFrom[record + 1], 0, 'the headers of the request before are gone')
  assert.equal(again.partition[record], -1)
})

test('columns that were not given back are not handed out again', () => {
  const pool = new ColumnsPool()
  assert.notEqual(pool.take(Buffer.from('a')), pool.take(Buffer.from('b')))
})

test('columns of very large requests are not kept', () => {
  const pool = new ColumnsPool()
  const columns = pool.take(Buffer.from('a'))
  for (let record = 0; record < 20_000; record++) columns.addRecord()
  pool.giveBack(columns)
  assert.notEqual(pool.take(Buffer.from('b')), columns)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearMiss } from '../../src/broker/near-miss.ts'

const names = ['log.retention.ms', 'log.retention.hours', 'message.max.bytes', 'port']

test('a slip of the pen finds its name', () => {
  assert.equal(nearMiss('log.retension.ms', names), 'log.retention.ms')
  assert.equal(nearMiss('LOG_RETENTION_HOURS', names), 'log.retention.hours')
  assert.equal(nearMiss('max.message.bytes', names), 'message.max.bytes')
  assert.equal(nearMiss('prot', names), 'port')
})

test('what resembles nothing finds nothing', () => {
  assert.equal(nearMiss('zebra.stripes.count', names), undefined)
  assert.equal(nearMiss('x'.repeat(100_000), names), undefined)
  assert.equal(nearMiss('', []), undefined)
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeBatchesBody, writeJsonBodies } from '../../../bench/bodies.ts'
import { assertFreeSpace, gibWrittenBy } from '../../../bench/measure/free-space.ts'

test('longer, larger and more loads write more, batches most, and reading nothing', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'free-space-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const read = { origin: '', paths: ['/'], connections: 1 }
  const single = { ...read, bodies: writeJsonBodies(folder, 1) }
  const many = { ...read, bodies: writeJsonBodies(folder, 1000) }
  const batches = { ...read, bodies: writeBatchesBody(folder, 10) }
  assert.equal(gibWrittenBy([read], 10), 0)
  assert.ok(gibWrittenBy([single], 10) > 0)
  assert.ok(gibWrittenBy([many], 10) > gibWrittenBy([single], 10))
  assert.ok(gibWrittenBy([batches], 10) > gibWrittenBy([many], 10))
  assert.equal(gibWrittenBy([many, read, many], 10), 2 * gibWrittenBy([many], 10))
  assert.equal(gibWrittenBy([many], 20), 2 * gibWrittenBy([many], 10))
})

test('what does not fit is refused, with what helps', () => {
  assert.doesNotThrow(() => assertFreeSpace('/', -2))
  assert.throws(() => assertFreeSpace(tmpdir(), 1e9), /GiB free, up to 1000000002\.0 GiB are needed: .*--dir/)
})

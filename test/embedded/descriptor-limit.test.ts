import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFilesLimit, parseLimits } from '../../src/embedded/descriptor-limit.ts'

test('segment files leave half of few descriptors to connections, and never come down to nothing', () => {
  assert.equal(openFilesLimit(512, 1_048_576), 512)
  assert.equal(openFilesLimit(512, Number.POSITIVE_INFINITY), 512)
  assert.equal(openFilesLimit(512, 256), 128)
  assert.equal(openFilesLimit(512, 20), 16)
})

test("the process's limit is read as the kernel shows it", () => {
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max processes             96241                96241                processes ',
    'Max open files            256                  4096                 files     ',
  ]
  assert.equal(parseLimits(limits.join('\n')), 256)
  assert.equal(parseLimits('Max open files            unlimited            unlimited            files'), Infinity)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLogDirectory } from '../../../src/embedded/directory/make-directory.ts'
import { MemoryFileSystem } from '../../support/memory-file-system.ts'

/** A start that is broken off by a kill before its n-th call. */
async function brokenOff(calls: number): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem()
  disk.fail({ nth: calls, code: 'EIO', sticky: true })
  await makeLogDirectory(disk, '/var/posthorn/data').catch(() => undefined)
  return disk.kill()
}

test('a directory that a killed start has made is durable once another start has found it', async () => {
  for (let calls = 1; calls <= 8; calls++) {
    const disk = await brokenOff(calls)
    await makeLogDirectory(disk, '/var/posthorn/data')
    const survivor = disk.crash('none')
    assert.equal((await survivor.stat('/var/posthorn/data')).directory, true, `killed before call ${calls}`)
  }
})

test('a directory below one that may not be opened is no fault', async () => {
  const disk = new MemoryFileSystem()
  await disk.mkdir('/data')
  disk.fail({ kinds: ['syncDirectory'], nth: 1, code: 'EACCES' })
  await makeLogDirectory(disk, '/data')
})

test('a directory below one whose file system cannot sync directories is no fault', async () => {
  const disk = new MemoryFileSystem()
  await disk.mkdir('/home')
  await disk.mkdir('/home/data')
  disk.fail({ kinds: ['syncDirectory'], nth: 2, code: 'EINVAL', sticky: true })
  await makeLogDirectory(disk, '/home/data')
})

test('a directory whose entry the disk fails to keep is not used', async () => {
  const disk = new MemoryFileSystem()
  await disk.mkdir('/data')
  disk.fail({ kinds: ['syncDirectory'], nth: 1, code: 'EIO' })
  await assert.rejects(makeLogDirectory(disk, '/data'), /cannot be made: .*EIO/)
})

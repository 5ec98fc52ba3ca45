import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { SpaceReserve } from '../../../src/embedded/directory/space-reserve.ts'
import type { FileSystem } from '../../../src/embedded/file-system.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const RESERVE_BYTES = 2 * 1024 * 1024 + 5

function reserveIn(directory: string, fileSystem: FileSystem = nodeFileSystem): SpaceReserve {
  return new SpaceReserve({ fileSystem, path: directory, random: randomBytes, reserveBytes: RESERVE_BYTES })
}

function diskFull(code = 'ENOSPC'): Error {
  return Object.assign(new Error('no space left on device'), { code })
}

test('it is really written, given up and written again', async (t) => {
  const directory = tempDirectory(t)
  const file = path.join(directory, '.reserve')
  const reserve = reserveIn(directory)
  assert.equal(reserve.held, false)
  assert.equal(await reserve.restore(), true)
  assert.equal(reserve.held, true)
  const facts = fs.statSync(file)
  assert.equal(facts.size, RESERVE_BYTES)
  assert.ok(facts.blocks * 512 >= RESERVE_BYTES, 'no holes')
  await reserve.release()
  assert.equal(fs.existsSync(file), false)
  await reserve.release()
  assert.equal(await reserve.restore(), true)
  assert.equal(fs.statSync(file).size, RESERVE_BYTES)
})

test('a step that meets a full disk is tried once more with the reserve given up', async (t) => {
  const directory = tempDirectory(t)
  const reserve = reserveIn(directory)
  await reserve.restore()
  const seen: boolean[] = []
  const result = await reserve.spend(async () => {
    seen.push(fs.existsSync(path.join(directory, '.reserve')))
    if (seen.length === 1) throw diskFull('SQLITE_FULL')
    return 'done'
  })
  assert.equal(result, 'done')
  assert.deepEqual(seen, [true, false])
  await assert.rejects(
    reserve.spend(() => Promise.reject(diskFull())),
    { code: 'ENOSPC' },
  )
  await assert.rejects(
    reserve.spend(() => Promise.reject(diskFull('EIO'))),
    { code: 'EIO' },
  )
})

test('a disk without room for it leaves no part of it behind', async (t) => {
  const directory = tempDirectory(t)
  const full = {
    ...nodeFileSystem,
    open: async (...args: Parameters<typeof nodeFileSystem.open>) => {
      const file = await nodeFileSystem.open(...args)
      return {
        ...file,
        write: () => Promise.reject(diskFull()),
        truncate: (sizeBytes: number) => file.truncate(sizeBytes),
        close: () => file.close(),
        datasync: () => file.datasync(),
      }
    },
  }
  const reserve = reserveIn(directory, full)
  assert.equal(await reserve.restore(), false)
  assert.equal(reserve.held, false)
  assert.deepEqual(fs.readdirSync(directory), [])
})

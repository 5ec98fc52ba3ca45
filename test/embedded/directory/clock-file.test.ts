import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { readClockFile, writeClockFile } from '../../../src/embedded/directory/clock-file.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

test('the time written is read again, and none where there is no file', async (t) => {
  const directory = tempDirectory(t)
  assert.equal(await readClockFile(nodeFileSystem, directory), undefined)
  await writeClockFile(nodeFileSystem, directory, 1_700_000_000_000)
  assert.equal(await readClockFile(nodeFileSystem, directory), 1_700_000_000_000)
  await writeClockFile(nodeFileSystem, directory, 5)
  assert.equal(await readClockFile(nodeFileSystem, directory), 5)
})

test('any changed bit is found', async (t) => {
  const directory = tempDirectory(t)
  await writeClockFile(nodeFileSystem, directory, 1_700_000_000_000)
  const file = path.join(directory, 'clock')
  const sound = fs.readFileSync(file)
  for (let bit = 0; bit < sound.length * 8; bit++) {
    const damaged = Buffer.from(sound)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    fs.writeFileSync(file, damaged)
    await assert.rejects(readClockFile(nodeFileSystem, directory), /is damaged/)
  }
  fs.writeFileSync(file, sound.subarray(0, 20))
  await assert.rejects(readClockFile(nodeFileSystem, directory), /is damaged/)
})

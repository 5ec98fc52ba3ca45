import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DirectoryLock } from '../../../src/embedded/directory/directory-lock.ts'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

const HOLDER = fileURLToPath(new URL('hold-lock.ts', import.meta.url))

test('another process is kept out at once, and let in when the holder was killed', async (t) => {
  const directory = tempDirectory(t)
  const holder = spawn(process.execPath, [HOLDER, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanUpBehind(t, () => holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  assert.throws(() => DirectoryLock.acquire(directory), {
    name: 'StartupError',
    message: new RegExp(`${directory} is in use`),
  })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const lock = DirectoryLock.acquire(directory)
  lock.release()
})

test('the same process cannot lock a directory twice', (t) => {
  const directory = tempDirectory(t)
  const lock = DirectoryLock.acquire(directory)
  cleanUpBehind(t, () => lock.release())
  assert.throws(() => DirectoryLock.acquire(directory), /is in use/)
  lock.release()
  DirectoryLock.acquire(directory).release()
})

test('a directory that cannot be written is named with the remedy', (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  fs.mkdirSync(path.join(directory, '.lock'), { recursive: true })
  assert.throws(() => DirectoryLock.acquire(directory), {
    name: 'StartupError',
    message: /cannot be locked.*must be able to read and write it: change its owner/,
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ServerProcess } from '../support/server-process.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { readmeCommands, runReadmeCommand } from './readme/readme-commands.ts'

/** These two are what `.ci/run` and the servers of these lanes are started with. */
const installs = ['npm ci && npm start', 'npm ci && npm test']
const PORT = 18271

test('every command of the README works as it stands', { timeout: 180_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-readme-'))
  const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, `port=${PORT}`] })
  t.after(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const commands = await readmeCommands()
  assert.deepEqual(commands.slice(0, 2), installs)
  assert.ok(commands.length > 15)
  const ci = await readFile(join(repositoryRoot, '.ci/run'), 'utf8')
  assert.ok(ci.includes(`\n${installs[1]}\n`))
  for (const command of commands.slice(2)) await runReadmeCommand(t, command, PORT)
})

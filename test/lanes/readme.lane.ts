import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ServerProcess } from '../support/server-process.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

const run = promisify(execFile)

/** The commands of the README's `sh` blocks, in order. */
async function readmeCommands(): Promise<string[]> {
  const readme = await readFile(join(repositoryRoot, 'README.md'), 'utf8')
  return [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap((block) => (block[1] ?? '').trimEnd().split('\n'))
}

/** These two are what `.ci/run` and the servers of these lanes are started with. */
const installs = ['npm ci && npm start', 'npm ci && npm test']

test('every command of the README works as it stands', { timeout: 180_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-readme-'))
  const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, 'port=18271'] })
  t.after(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const commands = await readmeCommands()
  assert.deepEqual(commands.slice(0, 2), installs)
  assert.ok(commands.length > 15)
  const ci = await readFile(join(repositoryRoot, '.ci/run'), 'utf8')
  assert.ok(ci.includes(`\n${installs[1]}\n`))
  for (const command of commands.slice(2)) {
    // The answer's status counts, and the port is the test's own.
    const script = `curl() { command curl -sS --fail-with-body "$@"; }\n${command.replaceAll('127.0.0.1:8082', '127.0.0.1:18271')}`
    const done = await run('bash', ['-ec', script], { cwd: repositoryRoot }).catch((error: unknown) => {
      throw new Error(`the README's command fails: ${command}`, { cause: error })
    })
    t.diagnostic(`${command.slice(0, 100)} → ${done.stdout.slice(0, 60).replaceAll('\n', ' ')}`)
  }
})

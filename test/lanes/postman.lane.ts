import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ServerProcess } from '../support/server-process.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

const run = promisify(execFile)

test('the Postman collection runs against a fresh server', { timeout: 120_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-postman-'))
  const server = await ServerProcess.start({ settings: [`log.dirs=${directory}`, 'port=18251'] })
  t.after(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const collection = join(repositoryRoot, 'openapi/posthorn.postman_collection.json')
  const newman = join(repositoryRoot, 'node_modules/.bin/newman')
  const { stdout } = await run(newman, ['run', collection, '--env-var', `baseUrl=${server.url}`, '--color', 'off'])
  assert.match(stdout, /assertions\s*│\s*1\d\s*│\s*0\s*│/)
})

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ServerProcess } from '../support/server-process.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

test('a server that is killed leaves its compiled code to the next start', async (t) => {
  const cache = tempDirectory(t)
  const server = await ServerProcess.start({
    settings: [`log.dirs=${tempDirectory(t)}`, 'listeners=http://127.0.0.1:0'],
    env: { NODE_COMPILE_CACHE: cache },
  })
  cleanUpBehind(t, () => server.kill9())
  const files = (): number => readdirSync(cache, { recursive: true }).length
  for (const deadline = performance.now() + 20_000; files() < 100 && performance.now() < deadline;) await delay(20)
  await server.kill9()
  assert.ok(files() >= 100, `${files()} files`)
})

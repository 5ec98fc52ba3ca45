import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { earthquakes, flights } from '../support/real-input.ts'
import { ServerProcess } from '../support/server-process.ts'
import { CrashingServer } from './real-input/crashing-server.ts'
import { publishAndConsumeThroughCrashes } from './real-input/main-job.ts'

/** Real records through the README's command, with kill -9 in the middle of publishing and consuming. */

const embedded = { durability: 'fsync', unacknowledged: 'whole' } as const

async function startedServer(t: TestContext, port: number): Promise<CrashingServer> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-real-input-'))
  const settings = [`log.dirs=${directory}`, `port=${port}`]
  const server = new CrashingServer(() => ServerProcess.start({ settings }))
  t.after(async () => {
    await server.stop().catch(() => undefined)
    await rm(directory, { recursive: true, force: true })
  })
  await server.url()
  return server
}

test('200,000 flights from 8 publishers survive two kill -9', { timeout: 300_000 }, async (t) => {
  const server = await startedServer(t, 18_231)
  const { unacknowledged, records } = await publishAndConsumeThroughCrashes({
    ...embedded,
    server,
    topic: 'flights',
    input: flights(),
    crashes: 2,
  })
  t.diagnostic(`${records} records stored; ${unacknowledged} requests without acknowledgement`)
  assert.equal(await server.stop(), 0)
})

test('the earthquakes survive a kill -9, and a clean restart shows the same', { timeout: 120_000 }, async (t) => {
  const server = await startedServer(t, 18_232)
  const { unacknowledged, records } = await publishAndConsumeThroughCrashes({
    ...embedded,
    server,
    topic: 'earthquakes',
    input: earthquakes(),
    crashes: 1,
  })
  t.diagnostic(`${records} records stored; ${unacknowledged} requests without acknowledgement`)
  assert.equal(await server.stop(), 0)
})

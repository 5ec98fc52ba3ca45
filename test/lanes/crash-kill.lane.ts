import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { mulberry32 } from '../support/mulberry32.ts'
import { encodeBatch } from '../support/record-spans.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashLoad, loadSettings } from './crash/crash-load.ts'
import { CrashServer } from './crash/crash-server.ts'
import { cyclesOf, isLong, seed } from './crash/scale.ts'
import { httpCall, jsonCall } from './crash/http-call.ts'
import { timesInWords } from './crash/times-in-words.ts'
import { now } from './groups/journal.ts'

/*
 * The server is killed with SIGKILL under everything that clients do, at any moment, also while it recovers from the kill
 * before; over two log directories. Nothing that a client was told or saw may be otherwise behind it.
 */
const KILLS = cyclesOf({ inCi: 100, long: 500 })
/** So often, everything is read again from the first record on. */
const AUDIT_ALL_EVERY = 20
/** So often, the server is killed once more while it starts. */
const KILL_START_EVERY = 3
/** How long a start takes is looked at with a long log too. */
const LOG_MIB = isLong ? 1024 : 64
const KILLS_OF_A_LONG_LOG = isLong ? 100 : 3

/** Started, with the load at rest. */
async function startLane(t: TestContext, names: readonly string[], random: () => number) {
  const folder = tempDirectory(t)
  const logDirs = names.map((name) => join(folder, name))
  for (const directory of logDirs) mkdirSync(directory)
  const server = await CrashServer.on(logDirs, loadSettings)
  cleanUpBehind(t, () => server.kill9())
  await server.warmUp(tempDirectory(t))
  await server.start()
  const load = new CrashLoad({ server, folder, random, logDirs: logDirs.length })
  cleanUpBehind(t, () => load.end())
  await load.begin()
  return { logDirs, server, load }
}

test(`${KILLS} × kill -9 under load, seed ${seed}`, { timeout: 3_600_000 }, async (t) => {
  const random = mulberry32(seed)
  const { server, load } = await startLane(t, ['a', 'b'], random)
  const kills = { inLoad: 0, inStart: 0 }
  while (kills.inLoad + kills.inStart < KILLS) {
    await load.work()
    await server.kill9()
    const killedAt = now()
    await load.rest()
    if (++kills.inLoad % KILL_START_EVERY === 0) {
      await server.killWhileStarting(100 + random() * 700)
      kills.inStart++
    }
    await server.start()
    const isLast = kills.inLoad + kills.inStart >= KILLS
    await load.audit('kill', killedAt, isLast || kills.inLoad % AUDIT_ALL_EVERY === 0)
    load.assertNothingWrong(`behind kill ${kills.inLoad}`, server)
  }
  t.diagnostic(`${kills.inLoad} kills under load, ${kills.inStart} in a start: ${await load.finish()}`)
  t.diagnostic(`start to ready: ${timesInWords(server.startsMs)}`)
  load.assertNothingWrong('in the end', server)
  assert.ok(load.acknowledged > KILLS * 20, 'hardly anything was published')
})

test('a server that comes back without what it had is found out', { timeout: 300_000 }, async (t) => {
  const { logDirs, server, load } = await startLane(t, ['data'], mulberry32(seed))
  await load.work()
  await load.rest()
  await server.stop()
  const [directory = ''] = logDirs
  cpSync(directory, `${directory}-before`, { recursive: true })
  await server.start()
  await load.work()
  await server.kill9()
  const killedAt = now()
  await load.rest()
  rmSync(directory, { recursive: true })
  cpSync(`${directory}-before`, directory, { recursive: true })
  await server.start()
  await load.audit('kill', killedAt, true)
  const { lost, violations } = load.findings
  t.diagnostic(`${lost} were found lost, ${violations.length} violations, such as: ${violations[0]}`)
  assert.ok(lost > 0, 'a server that lost everything since its last stop passed')
})

test(`start to ready behind kill -9 with ${LOG_MIB} MiB of log`, { timeout: 1_800_000 }, async (t) => {
  const random = mulberry32(seed)
  const { server, load } = await startLane(t, ['data'], random)
  await fillArchive(server.url, LOG_MIB)
  await load.work()
  server.startsMs.length = 0
  for (let kill = 1; kill <= KILLS_OF_A_LONG_LOG; kill++) {
    await server.kill9()
    const killedAt = now()
    await load.rest()
    await server.start()
    await load.audit('kill', killedAt, false)
    load.assertNothingWrong(`behind kill ${kill}`, server)
    await load.work()
  }
  await load.rest()
  t.diagnostic(`start to ready with ${LOG_MIB} MiB: ${timesInWords(server.startsMs)}`)
})

/** Of a topic of its own, over six partitions. */
async function fillArchive(url: string, mib: number): Promise<void> {
  const created = await jsonCall('PUT', `${url}/topics/archive`, { partitions: 6 })
  assert.equal(created?.status, 201, created?.text)
  const records = Array.from({ length: 500 }, () => ({ key: null, value: Buffer.alloc(1024, 'x'), timestamp: 1 }))
  const batch = encodeBatch(records)
  const body = Buffer.concat([batch, batch])
  const publish = async (partition: number): Promise<void> => {
    for (let sent = 0; sent < (mib * 1024 * 1024) / 6; sent += body.length) {
      const headers = { 'content-type': 'application/vnd.kafka.record-batches' }
      const path = `/topics/archive/partitions/${partition}/batches`
      const reply = await httpCall({ method: 'POST', url: `${url}${path}`, headers, body })
      assert.equal(reply?.status, 200, reply?.text)
    }
  }
  await Promise.all([0, 1, 2, 3, 4, 5].map(publish))
}

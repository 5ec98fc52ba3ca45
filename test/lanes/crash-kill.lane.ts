import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashLoad, loadSettings } from './crash/crash-load.ts'
import { CrashServer } from './crash/crash-server.ts'
import { cyclesOf, seed } from './crash/scale.ts'
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
const KILL_START_EVERY = 5

test(`${KILLS} × kill -9 under load, seed ${seed}`, { timeout: 3_600_000 }, async (t) => {
  const folder = tempDirectory(t)
  const logDirs = ['a', 'b'].map((name) => join(folder, name))
  for (const directory of logDirs) mkdirSync(directory)
  const random = mulberry32(seed)
  const server = await CrashServer.on(logDirs, loadSettings)
  cleanUpBehind(t, () => server.kill9())
  await server.warmUp(tempDirectory(t))
  await server.start()
  const load = new CrashLoad({ server, folder, random, logDirs: logDirs.length })
  cleanUpBehind(t, () => load.end())
  await load.begin()
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

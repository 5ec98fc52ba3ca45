import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashLoad, loadSettings } from './crash/crash-load.ts'
import { CrashServer } from './crash/crash-server.ts'
import { type DiskKind, LoopDisk, missingForPowerCuts } from './crash/loop-disk.ts'
import { cyclesOf, seed, skipUnless } from './crash/scale.ts'
import { timesInWords } from './crash/times-in-words.ts'
import { now } from './groups/journal.ts'

/*
 * The power is cut under everything that clients do: the server is killed, and then its file system is shut down, so that
 * all that was not synced is gone. The order matters: a sync under way at the shutdown may say that it succeeded, and an
 * answer for what is gone would follow.
 */
const skip = skipUnless(missingForPowerCuts())
const CUTS = {
  ext4: cyclesOf({ inCi: 60, long: 300, share: 0.75 }),
  xfs: cyclesOf({ inCi: 20, long: 100, share: 0.25 }),
}
const AUDIT_ALL_EVERY = 20
/** So often, the power goes while the server starts. */
const CUT_START_EVERY = 3
const DISK_MIB = 1024

interface Lane {
  readonly disk: LoopDisk
  readonly server: CrashServer
  readonly load: CrashLoad
  readonly random: () => number
}

async function startLane(t: TestContext, kind: DiskKind, changesTopics = true): Promise<Lane> {
  const folder = tempDirectory(t)
  const disk = await LoopDisk.make(t, kind, folder, DISK_MIB)
  await disk.mount()
  const logDir = join(disk.path, 'data')
  mkdirSync(logDir)
  const random = mulberry32(seed)
  const server = await CrashServer.on([logDir], loadSettings)
  cleanUpBehind(t, () => server.kill9())
  await server.warmUp(tempDirectory(t))
  await server.start()
  const load = new CrashLoad({ server, folder, random, logDirs: 1, changesTopics })
  cleanUpBehind(t, () => load.end())
  await load.begin()
  return { disk, server, load, random }
}

/** @returns when the server was killed */
async function cutUnderLoad({ disk, server, load }: Lane): Promise<number> {
  await load.work()
  await server.kill9()
  const cutAt = now()
  await load.rest()
  await disk.cutPower()
  await disk.mount()
  return cutAt
}

async function cutInStart({ disk, server, random }: Lane): Promise<void> {
  await server.killWhileStarting(100 + random() * 700)
  await disk.cutPower()
  await disk.mount()
}

for (const kind of ['ext4', 'xfs'] as const) {
  const title = `${CUTS[kind]} power cuts on ${kind} under load, seed ${seed}`
  test(title, { skip, timeout: 3_600_000 }, async (t) => {
    const lane = await startLane(t, kind)
    const { server, load } = lane
    const cuts = { inLoad: 0, inStart: 0 }
    while (cuts.inLoad + cuts.inStart < CUTS[kind]) {
      const cutAt = await cutUnderLoad(lane)
      if (++cuts.inLoad % CUT_START_EVERY === 0) {
        await cutInStart(lane)
        cuts.inStart++
      }
      await server.start()
      const isLast = cuts.inLoad + cuts.inStart >= CUTS[kind]
      await load.audit('power cut', cutAt, isLast || cuts.inLoad % AUDIT_ALL_EVERY === 0)
      load.assertNothingWrong(`behind power cut ${cuts.inLoad}`, server)
    }
    t.diagnostic(`${cuts.inLoad} cuts under load, ${cuts.inStart} in a start: ${await load.finish()}`)
    t.diagnostic(`start to ready: ${timesInWords(server.startsMs)}`)
    load.assertNothingWrong('in the end', server)
    assert.ok(load.acknowledged > CUTS[kind] * 20, 'hardly anything was published')
  })
}

test('a server that syncs nothing is found out', { skip, timeout: 300_000 }, async (t) => {
  const fault = ['--import', new URL('./crash/without-sync.ts', import.meta.url).href]
  // A catalogue that lost changes is older than its copies, and the server would not even start.
  const lane = await startLane(t, 'ext4', false)
  const { server, load } = lane
  await load.work()
  await load.rest()
  await server.stop()
  const before = load.acknowledged
  await server.start({ fault })
  const cutAt = await cutUnderLoad(lane)
  await server.start()
  await load.audit('power cut', cutAt, true)
  const { lost, violations } = load.findings
  t.diagnostic(`of ${load.acknowledged - before} records acknowledged without a sync, ${lost} were found lost`)
  t.diagnostic(`${violations.length} violations, such as: ${violations[0]}`)
  assert.ok(lost > 0, 'a server without any sync passed for a durable one')
})

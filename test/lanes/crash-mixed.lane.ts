import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashLoad, loadSettings } from './crash/crash-load.ts'
import { CrashServer } from './crash/crash-server.ts'
import { fileHashes } from './crash/file-hashes.ts'
import { jsonCall } from './crash/http-call.ts'
import { damage, type FoundFrame, journalFrames } from './crash/journal-frames.ts'
import { LoopDisk, missingForPowerCuts } from './crash/loop-disk.ts'
import { OnePublisher } from './crash/one-publisher.ts'
import { cyclesOf, seed, skipUnless } from './crash/scale.ts'
import { troublesOf } from './crash/troubles.ts'
import { TwoDirectories } from './crash/two-directories.ts'
import { now } from './groups/journal.ts'

/*
 * Faults that come one upon the other, and faults of the machine's keeper: each with what a user must see of it. What
 * was read behind a crash stays, whatever comes next; nothing is ever deleted because something is missing or damaged.
 */
const skipPower = skipUnless(missingForPowerCuts())
const skipStrace = skipUnless(missingForPowerCuts() ?? missingStrace())
const DOUBLE_CRASHES = cyclesOf({ inCi: 4, long: 60 })
const DISK_MIB = 512

function missingStrace(): string | undefined {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'failing syncs need strace (Debian: strace)'
  }
}

interface PowerLane {
  readonly disk: LoopDisk
  readonly server: CrashServer
  readonly load: CrashLoad
}

async function startOnDisk(t: TestContext, changesTopics = true): Promise<PowerLane> {
  const folder = tempDirectory(t)
  const disk = await LoopDisk.make(t, 'ext4', folder, DISK_MIB)
  await disk.mount()
  const logDir = join(disk.path, 'data')
  mkdirSync(logDir)
  const server = await CrashServer.on([logDir], loadSettings)
  cleanUpBehind(t, () => server.kill9())
  await server.warmUp(tempDirectory(t))
  await server.start()
  const load = new CrashLoad({ server, folder, random: mulberry32(seed), logDirs: 1, changesTopics })
  cleanUpBehind(t, () => load.end())
  await load.begin()
  return { disk, server, load }
}

async function crash({ server, load }: PowerLane): Promise<number> {
  await server.kill9()
  const at = now()
  await load.rest()
  return at
}

/** Power goes behind a restart that everybody has read from: all that was read is there behind it. */
async function cutBehindReading(lane: PowerLane, at: number): Promise<void> {
  const { disk, server, load } = lane
  await server.start()
  await load.audit('kill', at, true)
  await server.kill9()
  await disk.cutPower()
  await disk.mount()
  await server.start()
  await load.audit('power cut', at, true)
  load.assertNothingWrong('behind a kill, a reading and a power cut', server)
}

test(`${DOUBLE_CRASHES} × kill, restart, read, power cut`, { skip: skipPower, timeout: 1_800_000 }, async (t) => {
  const lane = await startOnDisk(t)
  for (let round = 0; round < DOUBLE_CRASHES; round++) {
    await lane.load.work()
    await cutBehindReading(lane, await crash(lane))
  }
  t.diagnostic(await lane.load.finish())
  lane.load.assertNothingWrong('in the end', lane.server)
})

test('a server that shows what it has not synced is found out', { skip: skipPower, timeout: 300_000 }, async (t) => {
  // A catalogue that lost changes is older than its copies, and the server would not even start.
  const lane = await startOnDisk(t, false)
  const { disk, server, load } = lane
  await load.work()
  await load.rest()
  await server.stop()
  const fault = ['--import', new URL('./crash/without-sync.ts', import.meta.url).href]
  await server.start({ fault })
  await load.work()
  const at = await crash(lane)
  await server.start({ fault })
  await load.audit('kill', at, true)
  load.assertNothingWrong('behind a kill, which needs no sync', server)
  await server.kill9()
  await disk.cutPower()
  await disk.mount()
  await server.start()
  await load.audit('power cut', at, true)
  const { lost, violations } = load.findings
  t.diagnostic(`${lost} were found lost, such as: ${violations[0]}`)
  assert.match(violations.join('\n'), /was read at .* and is gone/)
})

describe('a disk that fails to write', () => {
  const faults = {
    /** Of segments: large requests, checkpoints. */
    fdatasync: { inject: 'fdatasync:error=EIO:when=3+', files: [] },
    /** Writes of the journal are synced at once. */
    'a write of the journal': { inject: 'pwritev,pwrite64:error=EIO:when=4+', files: ['journal-0', 'journal-1'] },
  }
  for (const [what, { inject, files }] of Object.entries(faults)) {
    test(
      `${what} fails, then kill, a restart with a warm page cache, and a power cut`,
      { skip: skipStrace },
      async (t) => {
        const lane = await startOnDisk(t, false)
        const { disk, server, load } = lane
        await load.work()
        await load.rest()
        await server.stop()
        const calls = inject.slice(0, inject.indexOf(':'))
        const tracer = ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e', `trace=${calls}`]
        const aims = files.flatMap((name) => ['-P', join(disk.path, 'data', name)])
        await server.start({ tracer: [...tracer, ...aims, '-e', `inject=${inject}`] })
        const refusedBefore = refusals(load)
        let said: readonly string[] = []
        // Members may meet the fault before any publisher does: those work once at least, and once more behind it.
        for (let tries = 0, behind = 0; tries < 20 && behind < 1; tries++) {
          if (said.length > 0) behind++
          await load.work()
          await load.rest()
          said = await troublesOf(server)
        }
        assert.ok(said.length > 0, 'nothing failed')
        t.diagnostic(`${refusals(load) - refusedBefore} requests refused; ${said[0]}`)
        assert.ok(refusals(load) > refusedBefore, 'no publisher was told')
        const read = await jsonCall('GET', `${server.url}/topics/orders/partitions/0/records?offset=0&maxRecords=1`)
        // What fails while directories change takes the log directory offline, what fails in a round only its writing.
        const allowed = said.some((text) => text.startsWith('log-dir-offline')) ? [503] : [200, 410]
        assert.ok(allowed.includes(read?.status ?? 0), `${said[0]}; a reader is told ${read?.text.slice(0, 500)}`)
        await cutBehindReading(lane, await crash(lane))
        await load.work()
        await load.rest()
        t.diagnostic(await load.finish())
        load.assertNothingWrong('in the end', server)
      },
    )
  }
})

function refusals(load: CrashLoad): number {
  return load.publishers.reduce((sum, { refused }) => sum + refused, 0)
}

const plainSettings = ['journal.file.bytes=8388608', 'log.dir.reserve.bytes=0', 'log.dir.free.min.bytes=0']

test('a disk that is gone under the server: nothing is acknowledged any more', { skip: skipPower }, async (t) => {
  const disk = await LoopDisk.make(t, 'ext4', tempDirectory(t), DISK_MIB)
  await disk.mount()
  const logDir = join(disk.path, 'data')
  mkdirSync(logDir)
  const server = await CrashServer.on([logDir], plainSettings)
  cleanUpBehind(t, () => server.kill9())
  await server.start()
  const publisher = new OnePublisher(() => server.url, 2)
  await publisher.createTopic()
  await publisher.fill(10)
  await disk.shutDown()
  for (let request = 0; request < 10; request++) {
    const { status, code } = await publisher.publish(request % 2, 3)
    assert.deepEqual([status, code], [503, 'KAFKA_STORAGE_ERROR'])
  }
  const created = await jsonCall('PUT', `${server.url}/topics/late`, { partitions: 1 })
  assert.equal(created?.status, 503, created?.text)
  const offsets = [{ topic: 'orders', partition: 0, nextOffset: 1 }]
  const committed = await jsonCall('POST', `${server.url}/consumer-groups/late/offsets`, { offsets })
  assert.equal(committed?.status, 503, committed?.text)
  const said = await troublesOf(server)
  t.diagnostic(said.join('; '))
  assert.ok(said.length > 0)
  await server.kill9()
  await disk.unmount()
  await disk.mount()
  await server.start()
  await publisher.audit('power cut')
  // What was torn off at the end swallows nothing that comes behind it.
  await publisher.fill(2)
  await publisher.audit('power cut')
})

describe('log directories', () => {
  test('not mounted, mounted empty, swapped: what is there is served, what is away is said, nothing is lost', async (t) => {
    const directories = await TwoDirectories.make(t)
    const on = { here: await directories.partitionsOn('a'), away: await directories.partitionsOn('b') }
    assert.ok(on.here.length > 0 && on.away.length > 0)
    await directories.server?.kill9()

    renameSync(directories.path('b'), directories.path('b-away'))
    await directories.start('a', 'b')
    await directories.assertAway('b', on)
    await directories.server?.kill9()

    mkdirSync(directories.path('b'), { recursive: true })
    await directories.start('a', 'b')
    await directories.assertAway('b', on)
    assert.deepEqual(readdirSync(directories.path('b')), [], 'nothing is made where a disk should be')
    await directories.server?.kill9()

    // The disks come back each in the other's place.
    rmdirSync(directories.path('b'))
    renameSync(directories.path('a'), directories.path('b'))
    renameSync(directories.path('b-away'), directories.path('a'))
    const server = await directories.start('a', 'b')
    assert.deepEqual(await troublesOf(server), [])
    await directories.publisher.audit('kill')
    await directories.start('b', 'a')
    await directories.publisher.fill(2)
    await directories.publisher.audit('kill')
  })

  test('twice the same, of another cluster, without the catalogue: it does not start, says why, and touches nothing', async (t) => {
    const directories = await TwoDirectories.make(t)
    await directories.server?.kill9()

    cpSync(directories.path('b'), directories.path('copy'), { recursive: true })
    assert.match(await directories.refusal('a', 'b', 'copy'), /one is a copy of the other/)
    assert.match(await directories.refusal('a', 'copy', 'b'), /one is a copy of the other/)
    rmSync(directories.path('copy'), { recursive: true })

    mkdirSync(directories.path('foreign'))
    await directories.start('foreign')
    await directories.server?.stop()
    assert.match(await directories.refusal('a', 'foreign'), /do not belong together/)

    renameSync(directories.path('a'), directories.path('a-away'))
    assert.match(await directories.refusal('a', 'b'), /holds the catalogue .* not mounted[^]*posthorn repair/)
    renameSync(directories.path('a-away'), directories.path('a'))

    assert.deepEqual(await troublesOf(await directories.start('a', 'b')), [])
    await directories.publisher.audit('kill')
  })
})

describe('a damaged journal', () => {
  const REQUESTS = 60
  /** Records of so many requests. */
  const SENT = (REQUESTS / 3) * (1 + 20 + 5)

  /** Publishes, kills, damages what `choose` picks of the frames behind the newest checkpoint or of the checkpoints. */
  async function withDamage(
    t: TestContext,
    choose: (frames: readonly FoundFrame[]) => readonly FoundFrame[],
    harm: (directory: string) => void = () => undefined,
  ): Promise<{ directory: string; server: CrashServer; publisher: OnePublisher }> {
    const directory = join(tempDirectory(t), 'data')
    mkdirSync(directory)
    const server = await CrashServer.on([directory], plainSettings)
    cleanUpBehind(t, () => server.kill9())
    const publisher = new OnePublisher(() => server.url, 1)
    await server.start()
    await publisher.createTopic()
    await publisher.fill(REQUESTS)
    await server.kill9()
    const chosen = choose(journalFrames(directory))
    assert.ok(chosen.length > 0)
    for (const frame of chosen) damage(frame)
    harm(directory)
    await server.start()
    return { directory, server, publisher }
  }

  interface Page {
    readonly records?: readonly { readonly offset: number; readonly value: string }[]
    readonly nextReadableOffset?: number
    readonly code?: string
  }

  /** Reads as a client does that goes on behind what cannot be read; each record must be as it was sent. */
  async function readThrough(url: string): Promise<{ offsets: number[]; errors: string[]; highWatermark: number }> {
    const path = `${url}/topics/orders/partitions/0`
    const { highWatermark } = JSON.parse((await jsonCall('GET', path))?.text ?? '') as { highWatermark: number }
    const offsets: number[] = []
    const errors: string[] = []
    for (let offset = 0; offset < highWatermark;) {
      const reply = await jsonCall('GET', `${path}/records?offset=${offset}&format=string`)
      const page = JSON.parse(reply?.text ?? '') as Page
      const last = page.records?.at(-1)
      if (last === undefined) {
        errors.push(page.code ?? '')
        assert.ok((page.nextReadableOffset ?? -1) > offset, reply?.text)
        offset = page.nextReadableOffset ?? Infinity
        continue
      }
      for (const record of page.records ?? []) {
        // One publisher, one partition: the record's number is its offset.
        assert.match(record.value, new RegExp(`^\\{"publisher":"a","number":${record.offset},`))
        offsets.push(record.offset)
      }
      offset = last.offset + 1
    }
    return { offsets, errors, highWatermark }
  }

  const rounds = (frames: readonly FoundFrame[]): readonly FoundFrame[] => {
    const checkpoint = frames.findLast(({ isCheckpoint }) => isCheckpoint)?.round ?? 0
    return frames.filter(({ round, isCheckpoint }) => !isCheckpoint && round > checkpoint)
  }

  test('at its end: the last request may be gone, for it looks like one that was never finished; all else is there', async (t) => {
    const { server } = await withDamage(t, (frames) => rounds(frames).slice(-1))
    const { offsets, errors, highWatermark } = await readThrough(server.url)
    assert.deepEqual([offsets.length, errors], [highWatermark, []])
    t.diagnostic(`${SENT - highWatermark} of ${SENT} records are gone`)
    assert.ok(highWatermark >= SENT - 20, `the log ends at ${highWatermark}`)
  })

  test('in its middle: what it said is in the segments, nothing is cut, and the server says what it found', async (t) => {
    const { server, publisher } = await withDamage(t, (frames) => rounds(frames).slice(20, 21))
    await publisher.audit('kill')
    assert.match(server.output.join('\n'), /the commit journal is damaged: nothing is cut in this start/)
    assert.equal((await publisher.publish(0, 1)).status, 200)
  })

  test('in its middle, and the segments never got it: that request is missing and told, all behind it is there', async (t) => {
    const { server, publisher } = await withDamage(
      t,
      (frames) => rounds(frames).slice(20, 21),
      (directory) => truncateSync(join(directory, 'orders-0', '00000000000000000000.log'), 0),
    )
    const { offsets, errors, highWatermark } = await readThrough(server.url)
    t.diagnostic(`${SENT - offsets.length} of ${SENT} records cannot be read: ${errors.join()}`)
    assert.ok(highWatermark >= SENT, `the log ends at ${highWatermark}`)
    assert.ok(offsets.length >= SENT - 20 && offsets.length < SENT, `${offsets.length} of ${SENT} records can be read`)
    assert.match((await troublesOf(server)).join('\n'), /partition-fenced.* of orders/)
    assert.equal((await publisher.publish(0, 1)).status, 200)
  })

  test('in its newest checkpoint: the one before serves', async (t) => {
    const { server, publisher } = await withDamage(t, (frames) =>
      frames.filter((frame) => frame.isCheckpoint).slice(-1),
    )
    const { offsets, highWatermark } = await readThrough(server.url)
    assert.ok(highWatermark >= SENT, `the log ends at ${highWatermark}`)
    assert.equal(offsets.length, SENT)
    assert.equal((await publisher.publish(0, 1)).status, 200)
  })

  test('in all its checkpoints: the directory is offline and says what to do, and nothing is deleted', async (t) => {
    const { directory, server } = await withDamage(t, (frames) => frames.filter((frame) => frame.isCheckpoint))
    const said = await troublesOf(server)
    assert.match(said.join('\n'), /put journal-0 and journal-1 back/)
    const read = await jsonCall('GET', `${server.url}/topics/orders/partitions/0/records?offset=0`)
    assert.equal(read?.status, 503, read?.text)
    assert.ok(fileHashes(directory)['orders-0/00000000000000000000.log'] !== undefined)
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { crc32c } from '../../src/codec/crc32c.ts'
import { machineDrivers } from '../../src/embedded/storage-drivers.ts'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { CrashServer } from './crash/crash-server.ts'
import { api } from './keeping/api.ts'
import { applyDamage, damageInWords, SECTOR_BYTES, sizeOf, type Damage } from './crash/rot/damage.ts'
import { goldenDirectory, quickDirectory, SPARE, type Golden, type GoldenBatch } from './crash/rot/golden-directory.ts'
import { setCounts, trial, type Outcome, type TrialOptions } from './crash/rot/trial.ts'
import { cyclesOf, seed } from './crash/scale.ts'

/**
 * Bits that flip and sectors that are lost, in every kind of file: no wrong byte is served, nothing is lost but the batch
 * that was hit, nothing is deleted, and all of it is told.
 */

const SCALE = cyclesOf({ inCi: 40, long: 400 }) / 40
const many = (count: number): number => Math.max(1, Math.round(count * SCALE))

class Rot {
  readonly golden: Golden
  flips = 0
  wipes = 0
  starts = 0
  missing = 0
  refusals = 0
  readonly random = mulberry32(seed)
  readonly #t: TestContext
  readonly #directory: string

  private constructor(t: TestContext, golden: Golden) {
    this.#t = t
    this.golden = golden
    this.#directory = path.join(quickDirectory(t), 'data')
  }

  static async prepare(t: TestContext): Promise<Rot> {
    const golden = await goldenDirectory(t)
    setCounts(golden)
    return new Rot(t, golden)
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  flipIn(from: 'clean' | 'killed', file: string): Damage {
    return { file, at: this.below(sizeOf(this.golden[from], file)), bit: this.below(8) }
  }

  wipeIn(from: 'clean' | 'killed', file: string): Damage {
    const sectors = Math.ceil(sizeOf(this.golden[from], file) / SECTOR_BYTES)
    return { file, at: this.below(sectors) * SECTOR_BYTES }
  }

  count(damages: readonly Damage[]): void {
    for (const { bit } of damages) {
      if (bit === undefined) this.wipes++
      else this.flips++
    }
  }

  async try(options: Omit<TrialOptions, 'golden'>, golden = this.golden): Promise<Outcome> {
    const outcome = await trial(this.#t, this.#directory, { ...options, golden })
    this.count(options.damages)
    this.starts++
    this.missing += outcome.missing
    if (outcome.refusal !== undefined) this.refusals++
    const where = options.damages.map(damageInWords).join(', ')
    assert.deepEqual(outcome.findings.slice(0, 5), [], `seed ${seed}, ${options.from}: ${where}`)
    return outcome
  }

  diagnose(t: TestContext): void {
    t.diagnostic(
      `seed ${seed}: ${this.flips} flipped bits and ${this.wipes} wiped sectors in ${this.starts} starts: 0 wrong bytes; ` +
        `${this.missing} records of damaged batches told as damaged; ${this.refusals} starts refused with the reason`,
    )
  }
}

test('segments: what is not hit is served, what is hit is told', { timeout: 600_000 }, async (t) => {
  const rot = await Rot.prepare(t)
  for (let turn = 0; turn < many(47); turn++) {
    const damages = rot.golden.batches
      .filter((_, index) => index % 3 === turn % 3)
      .map(({ file, position, sizeBytes }) => ({ file, at: position + rot.below(sizeBytes), bit: rot.below(8) }))
    const { missing } = await rot.try({ from: turn % 2 === 0 ? 'clean' : 'killed', damages })
    assert.ok(missing > damages.length, `of ${damages.length} flips only ${missing} records were missed`)
  }
  const files = [...new Set(rot.golden.batches.map(({ file }) => file))]
  for (let turn = 0; turn < many(20); turn++) {
    const damages = files.filter((_, index) => index % 2 === turn % 2).map((file) => rot.wipeIn('clean', file))
    await rot.try({ from: 'clean', damages })
  }
  rot.diagnose(t)
})

test('the journal: whatever of it is hit, nothing that is in a segment is lost', { timeout: 600_000 }, async (t) => {
  const rot = await Rot.prepare(t)
  const journals = ['journal-0', 'journal-1'] as const
  for (let turn = 0; turn < many(60); turn++) {
    const file = journals[turn % 2] ?? 'journal-0'
    const from = turn % 4 < 2 ? 'killed' : 'clean'
    await rot.try({ from, damages: [rot.flipIn(from, file)] })
    await rot.try({ from, damages: [rot.wipeIn(from, file)] })
  }
  rot.diagnose(t)
})

test('the small files: producers, clock, snapshot, checkpoints, metadata', { timeout: 600_000 }, async (t) => {
  const rot = await Rot.prepare(t)
  const names = fs.readdirSync(rot.golden.clean)
  const small = names.filter((name) => /^(producers|clock|catalogue\.snapshot|\.reserve|.*-checkpoint)$/.test(name))
  assert.ok(small.length >= 6, small.join())
  for (let turn = 0; turn < many(55); turn++) {
    const metadata = Array.from({ length: SPARE.partitions }, (_, partition) => `spare-${partition}/partition.metadata`)
    const damages = [
      ...[...small, ...small, ...metadata.filter((_, index) => index % 4 === turn % 4)].map((file) =>
        rot.flipIn('clean', file),
      ),
      ...metadata.filter((_, index) => index % 4 === (turn + 1) % 4).map((file) => rot.wipeIn('clean', file)),
    ]
    const { reports } = await rot.try({ from: 'clean', damages })
    for (const told of [/clock/, /producers/, /partition\.metadata was damaged/])
      assert.ok(
        reports.some((report) => told.test(report)),
        String(told),
      )
  }
  rot.diagnose(t)
})

test('a damaged index is rebuilt while reads go on', { timeout: 600_000 }, async (t) => {
  const rot = await Rot.prepare(t)
  for (let turn = 0; turn < many(12); turn++) {
    const damages = Array.from({ length: 10 }, (_, index) =>
      index === 0 ? rot.wipeIn('clean', 'index.db') : rot.flipIn('clean', 'index.db'),
    )
    await rot.try({ from: 'clean', damages, drivers: machineDrivers })
  }
  rot.diagnose(t)
})

test(
  'a damaged catalogue stops the start with the command that mends it, and is mended',
  { timeout: 600_000 },
  async (t) => {
    const rot = await Rot.prepare(t)
    const outcomes = { refused: 0, sound: 0 }
    for (let turn = 0; turn < many(100); turn++) {
      const damage = turn % 6 === 0 ? rot.wipeIn('clean', 'catalogue.db') : rot.flipIn('clean', 'catalogue.db')
      const { refusal } = await rot.try({ from: 'clean', damages: [damage] })
      if (refusal === undefined) outcomes.sound++
      else {
        outcomes.refused++
        assert.match(refusal, /posthorn repair|Put back the file|newer release/, damageInWords(damage))
      }
    }
    t.diagnostic(JSON.stringify(outcomes))
    rot.diagnose(t)
  },
)

/** A copy of the golden directory that somebody else has changed. */
function changed(rot: Rot, t: TestContext, change: (segment: Buffer, batch: GoldenBatch) => Buffer): Golden {
  const clean = path.join(quickDirectory(t), 'changed')
  fs.cpSync(rot.golden.clean, clean, { recursive: true })
  const batch = rot.golden.batches[100]
  assert.ok(batch)
  const file = path.join(clean, batch.file)
  fs.writeFileSync(file, change(fs.readFileSync(file), batch))
  return { ...rot.golden, clean }
}

const CRC_AT = 17
const CRC_FROM = 21

test('it would be seen if wrong bytes were served, or a batch left out', { timeout: 60_000 }, async (t) => {
  const rot = await Rot.prepare(t)
  const wrong = changed(rot, t, (segment, { position, sizeBytes }) => {
    const last = position + sizeBytes - 3
    segment.writeUInt8(segment.readUInt8(last) ^ 1, last)
    segment.writeUInt32BE(crc32c(segment.subarray(position + CRC_FROM, position + sizeBytes)), position + CRC_AT)
    return segment
  })
  await assert.rejects(rot.try({ from: 'clean', damages: [] }, wrong), /is served with wrong bytes/)
  const left = changed(rot, t, (segment, { position, sizeBytes }) =>
    Buffer.concat([segment.subarray(0, position), segment.subarray(position + sizeBytes), Buffer.alloc(sizeBytes)]),
  )
  await assert.rejects(rot.try({ from: 'clean', damages: [] }, left), /is lost, though nothing of it was hit/)
})

async function command(...given: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['src/main.ts', ...given], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

test('a damaged catalogue, index and segment on a real server', { timeout: 60_000 }, async (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  const server = await CrashServer.on([directory], ['log.dir.reserve.bytes=0', 'journal.file.bytes=8388608'])
  cleanUpBehind(t, () => server.kill9())
  await server.start()
  const call = (method: string, where: string, body?: unknown) => api(server.url, method, where, body)
  await call('PUT', '/topics/orders', { partitions: 1, configs: { 'index.interval.bytes': 0 } })
  for (let request = 0; request < 40; request++) {
    const records = Array.from({ length: 3 }, (_, index) => ({ value: `${request}/${index}` }))
    assert.equal((await call('POST', '/topics/orders/records', { records })).status, 200)
  }
  assert.equal(await server.stop(), 0)
  const segment = `orders-0/${'0'.repeat(20)}.log`
  const bytes = fs.readFileSync(path.join(directory, segment))
  applyDamage(directory, { file: segment, at: bytes.indexOf('20/1'), bit: 1 })
  for (let sector = 0; sector < 8; sector++) applyDamage(directory, { file: 'index.db', at: sector * SECTOR_BYTES })
  applyDamage(directory, { file: 'catalogue.db', at: 0 })

  const refused = await command('--set', `log.dirs=${directory}`, '--set', 'port=0')
  assert.equal(refused.code, 1)
  assert.match(refused.output, /catalogue\.db is damaged: .*Run 'posthorn repair'/)
  const repaired = await command('repair', '--set', `log.dirs=${directory}`)
  assert.equal(repaired.code, 0, repaired.output)
  assert.match(repaired.output, /was rebuilt from the newest valid snapshot/)
  await server.start()
  const served: string[] = []
  for (let offset = 0; offset < 120;) {
    const page = await call('GET', `/topics/orders/partitions/0/records?offset=${offset}&format=string`)
    if (page.status === 200) for (const { value } of page.body.records) served.push(value)
    else assert.deepEqual([page.status, page.body.code, offset], [422, 'CORRUPT_MESSAGE', 60], page.text)
    offset = page.status === 200 ? page.body.nextOffset : page.body.nextReadableOffset
  }
  const expected = Array.from({ length: 40 }, (_, request) => [0, 1, 2].map((index) => `${request}/${index}`))
  assert.deepEqual(served, expected.filter((_, request) => request !== 20).flat())
  assert.match((await call('GET', '/health/ready')).text, /offsets 60 to 62 of partition 0 of orders are damaged/)
  assert.equal(
    (await call('POST', '/topics/orders/records', { records: [{ value: 'on' }] })).body.records[0].offset,
    120,
  )
})

test('meta.properties: a start that cannot be sure whose directory it is stops', { timeout: 600_000 }, async (t) => {
  const rot = await Rot.prepare(t)
  for (let turn = 0; turn < many(60); turn++) {
    await rot.try({ from: 'clean', damages: [rot.flipIn('clean', 'meta.properties')] })
  }
  rot.diagnose(t)
})

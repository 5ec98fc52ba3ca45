import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { VerifyProgress } from '../src/verify-progress.ts'
import { makeTopic } from './conformance/make-topic.ts'
import { openEmbeddedEngine } from './support/embedded-engine.ts'
import { publish } from './support/engine-records.ts'
import { FakeClock } from './support/fake-clock.ts'
import { tempDirectory } from './support/temp-directory.ts'
import { repositoryRoot } from './tidy/source-files.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function posthorn(...args: readonly string[]): Promise<Ran> {
  const main = path.join(repositoryRoot, 'src', 'main.ts')
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (text) => (out += String(text)))
  child.stderr.on('data', (text) => (err += String(text)))
  const [code] = await once(child, 'close')
  return { code: Number(code), out, err }
}

/** A directory with three small segments of one partition; the server has stopped. */
async function stopped(t: TestContext): Promise<{ directory: string; segments: string[] }> {
  const directory = path.join(tempDirectory(t), 'data')
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(engine, 'orders', 1, { 'segment.bytes': '1000' })
  for (let round = 0; round < 10; round++) await publish(engine, 'orders', { 0: [`${round}`.padEnd(200, 'x')] })
  await engine.close()
  const partition = path.join(directory, 'orders-0')
  const names = fs.readdirSync(partition).filter((name) => name.endsWith('.log'))
  return { directory, segments: names.sort().map((name) => path.join(partition, name)) }
}

function flip(file: string, at: number): void {
  const bytes = fs.readFileSync(file)
  bytes[at]! ^= 1
  fs.writeFileSync(file, bytes)
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('posthorn verify: 0 for what is sound, 1 with file, bytes and offsets for what is not, 2 where it cannot look', async (t) => {
  const { directory, segments } = await stopped(t)
  const sound = await posthorn('verify', directory)
  assert.deepEqual([sound.code, sound.err], [0, ''])
  assert.match(sound.out, /(^|\n)sound: .* of 1 partition read in .*\/s\)[^\n]*\n$/)
  const [first = '', second = ''] = segments
  flip(second, 150)
  const damaged = await posthorn('verify', directory)
  assert.equal(damaged.code, 1)
  const base = Number(path.basename(second).slice(0, 20))
  const size = fs.statSync(first).size / base
  assert.match(
    damaged.out,
    new RegExp(
      `(?:^|\n)lost: ${second}, bytes 0 to ${size - 1}, orders-0 offset ${base}\\n    CRC-32C .*\\n    readers get`,
    ),
  )
  assert.match(damaged.out, /\ndamaged: .*; 1 lost[^\n]*\n$/)
  const told = jsonLines((await posthorn('verify', '--json', directory)).out)
  const finding = told.find(({ consequence }) => consequence === 'lost')
  const summary = told.at(-1)
  assert.deepEqual(
    { ...finding, problem: '', meaning: '' },
    {
      kind: 'finding',
      consequence: 'lost',
      file: second,
      firstByte: 0,
      lastByte: size - 1,
      topic: 'orders',
      partition: 0,
      firstOffset: base,
      lastOffset: base,
      problem: '',
      meaning: '',
    },
  )
  assert.deepEqual([summary?.['kind'], summary?.['sound']], ['summary', false])
  const elsewhere = await posthorn('verify', path.dirname(directory))
  assert.equal(elsewhere.code, 2)
  assert.match(elsewhere.err, /no log directory of Posthorn/)
})

test('posthorn verify says what is wrong with what it was given, and what to name instead', async (t) => {
  const { directory, segments } = await stopped(t)
  const base = path.dirname(directory)
  const [empty, other, link, kafka] = ['empty', 'other', 'link', 'kafka'].map((name) => path.join(base, name))
  assert.ok(empty && other && link && kafka)
  for (const made of [empty, other, kafka]) fs.mkdirSync(made)
  fs.writeFileSync(path.join(other, 'notes.txt'), '')
  fs.writeFileSync(path.join(kafka, 'meta.properties'), 'version=1\ncluster.id=x\nnode.id=1\n')
  fs.symlinkSync(directory, link)
  const notes = path.join(other, 'notes.txt')
  for (const [named, expected] of [
    [[directory, directory], `${directory} is named twice. Name each log directory once.`],
    [[directory, `${directory}/`], `${directory} is named twice.`],
    [[link, directory], `${link} and ${directory} are the same directory, ${directory}, which is named twice.`],
    [[notes], `${notes} is a file, not a log directory. Name directories of log.dirs.`],
    [segments.slice(0, 1), `is a file, not a log directory. 'posthorn dump-log ${segments[0]}' reads one segment.`],
    [[path.join(base, 'none')], `${path.join(base, 'none')} does not exist. Name directories of log.dirs`],
    [[empty], `${empty} is no log directory of Posthorn: it is empty.`],
    [[other], `${other} is no log directory of Posthorn: it has no meta.properties. Name directories of log.dirs`],
    [
      [base],
      `${base} is no log directory of Posthorn: it has no meta.properties. Log directories lie in it: name ${directory}`,
    ],
    [[kafka], 'was written by Apache Kafka'],
  ] as const) {
    const { code, out, err } = await posthorn('verify', ...named)
    assert.deepEqual([code, out], [2, ''], err)
    assert.ok(err.includes(expected), `${err} is not ${expected}`)
  }
  for (const named of [link, `${directory}/`]) assert.equal((await posthorn('verify', named)).code, 0)
})

test('posthorn verify counts bytes once, however often it has to read them', async (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(engine, 'orders', 1)
  // Of 1 MiB read at a time the second half is of a batch that ends behind it.
  for (let round = 0; round < 8; round++) await publish(engine, 'orders', { 0: ['x'.repeat(700_000)] })
  await engine.close()
  const { out } = await posthorn('verify', '--json', directory)
  const readBytes = Number(jsonLines(out).at(-1)?.['readBytes'])
  const journals = ['journal-0', 'journal-1'].map((name) => fs.statSync(path.join(directory, name)).size)
  const beside = readBytes - journals.reduce((sum, size) => sum + size, 0)
  assert.ok(beside > 5_600_000 && beside < 6_200_000, `${beside}`)
})

test('posthorn verify of one directory whose meta.properties is damaged tells that, and reads the rest', async (t) => {
  const { directory } = await stopped(t)
  const moved = `${directory}-moved`
  fs.renameSync(directory, moved)
  const file = path.join(moved, 'meta.properties')
  fs.writeFileSync(file, fs.readFileSync(file, 'latin1').replace('directory.id=', 'directory.xd='))
  const { code, out } = await posthorn('verify', '--json', moved)
  const findings = jsonLines(out).filter(({ kind, consequence }) => kind === 'finding' && consequence !== 'unfinished')
  assert.deepEqual(
    findings.map((finding) => [finding['file'], finding['problem']]),
    [[file, "'directory.id' is missing or has no valid value"]],
    out,
  )
  assert.deepEqual([code, jsonLines(out).at(-1)?.['partitions']], [1, 1])
})

test('posthorn verify refuses a directory that a server uses, naming its process', async (t) => {
  const directory = tempDirectory(t)
  await openEmbeddedEngine(t, { logDirs: [directory] })
  const { code, out, err } = await posthorn('verify', directory)
  assert.deepEqual([code, out], [2, ''])
  assert.match(err, new RegExp(`${directory} is in use by process ${process.pid} `))
})

test('posthorn dump-log prints batches, records and data, and goes on behind damage', async (t) => {
  const { segments } = await stopped(t)
  const [first = ''] = segments
  const batches = await posthorn('dump-log', first)
  assert.equal(batches.code, 0)
  const lines = batches.out.trim().split('\n')
  assert.equal(lines[0], `${first}:`)
  assert.match(
    lines[2] ?? '',
    /^baseOffset: 1 lastOffset: 1 count: 1 .* position: \d+ timestampType: CreateTime timestamp: \d+ size: \d+ magic: 2 compresscodec: none crc: \d+ isvalid: true$/,
  )
  const records = await posthorn('dump-log', first, '--print-data')
  assert.match(
    records.out,
    /\n\| offset: 1 timestamp: \d+ keySize: -1 valueSize: 200 sequence: -1 key: null payload: 1x+\n/,
  )
  flip(first, 150)
  const damaged = await posthorn('dump-log', '--json', first)
  assert.equal(damaged.code, 1)
  const told = jsonLines(damaged.out)
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['damage', ...lines.slice(2).map(() => 'batch')],
  )
  assert.deepEqual([told[0]?.['position'], told[0]?.['offset'], told[0]?.['lastOffset']], [0, 0, 0])
  const missing = await posthorn('dump-log', `${first}x`)
  assert.deepEqual([missing.code, missing.err.includes(`${first}x does not exist`)], [2, true])
  const directory = await posthorn('dump-log', path.dirname(first), first)
  assert.deepEqual([directory.code, directory.out.includes('damage')], [2, false])
  assert.match(directory.err, /orders-0 is a directory\. Name its segments, .*\.log; 'posthorn verify' reads a log dir/)
})

test('progress is a bar on a terminal, drawn over itself, or lines, or nothing', () => {
  const clear = '\r\u001b[2K'
  for (const [form, expected] of [
    ['bar', `${clear}[${'#'.repeat(12)}${'.'.repeat(12)}] 50 % of 1000 B, 50 B/s  orders-0/000.log${clear}`],
    ['lines', '50 % of 1000 B, 50 B/s\n'],
    ['none', ''],
  ] as const) {
    const clock = new FakeClock()
    let written = ''
    const progress = new VerifyProgress({ columns: 120, write: (text) => (written += text) }, form, clock)
    progress.show(1, 1000, '/data/orders-0/000.log')
    clock.advance(10_000)
    progress.show(500, 1000, '/data/orders-0/000.log')
    progress.show(501, 1000, '/data/orders-0/000.log')
    progress.clear()
    assert.equal(written, expected)
  }
})

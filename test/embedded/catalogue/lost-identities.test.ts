import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { repairCatalogue, type RepairReport } from '../../../src/embedded/catalogue/repair-catalogue.ts'
import { META_PROPERTIES } from '../../../src/embedded/directory/meta-properties.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { allValues, publish } from '../../support/engine-records.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

function repair(...logDirs: readonly string[]): Promise<RepairReport> {
  const limits = { offsetsTopicSegmentBytes: 1024 * 1024, topicPartitionsMax: 1000 }
  return repairCatalogue({ logDirs, nodeId: 1, fileSystem: nodeFileSystem, nowMs: 1_700_000_000_000, ...limits })
}

/** Stopped, with a record in each partition of a topic. */
async function directories(t: TestContext, ...names: readonly string[]): Promise<string[]> {
  const base = tempDirectory(t)
  const logDirs = names.map((name) => path.join(base, name))
  const engine = await openEmbeddedEngine(t, { logDirs })
  await makeTopic(engine, 'orders', 4)
  await publish(engine, 'orders', { 0: ['a'], 1: ['b'], 2: ['c'], 3: ['d'] })
  await engine.close()
  return logDirs
}

async function assertServed(t: TestContext, logDirs: readonly string[]): Promise<void> {
  const engine = await openEmbeddedEngine(t, { logDirs })
  for (const [partition, value] of ['a', 'b', 'c', 'd'].entries()) {
    assert.deepEqual(await allValues(engine, 'orders', partition), [value])
  }
  assert.deepEqual(engine.troubles(), [])
  await engine.close()
}

const fileIn = (directory: string) => path.join(directory, META_PROPERTIES)
const textIn = (directory: string) => fs.readFileSync(fileIn(directory), 'latin1')

function alter(directory: string, pattern: RegExp, replacement: string): void {
  const altered = textIn(directory).replace(pattern, replacement)
  assert.notEqual(altered, textIn(directory))
  fs.writeFileSync(fileIn(directory), altered)
}

const UUID = 'Kx3pV0QzS0aHn1d2m3X4bA'
const damages: Readonly<Record<string, (directory: string) => void>> = {
  gone: (directory) => fs.rmSync(fileIn(directory)),
  empty: (directory) => fs.truncateSync(fileIn(directory), 0),
  'zeros only': (directory) => fs.writeFileSync(fileIn(directory), Buffer.alloc(150)),
  'without format.version': (directory) => alter(directory, /format/, 'fprmat'),
  'without a node': (directory) => alter(directory, /node\.id/, 'node.ie'),
  'of another cluster': (directory) => alter(directory, /(\ncluster\.id=).*/, `$1${UUID}`),
  'another directory': (directory) => alter(directory, /(\ndirectory\.id=).*/, `$1${UUID}`),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`repair puts back the only directory's meta.properties that is ${what}`, async (t) => {
    const [only = ''] = await directories(t, 'only')
    const before = textIn(only)
    damage(only)
    await assert.rejects(openEmbeddedEngine(t, { logDirs: [only] }), {
      name: 'StartupError',
      message: /posthorn repair/,
    })
    const report = await repair(only)
    assert.deepEqual([report.repaired, report.identified], [false, [only]])
    assert.equal(textIn(only), before)
    await assertServed(t, [only])
  })
}

test('all of them lost, the catalogue as well: each directory is known by what lies in it, wherever it is now', async (t) => {
  const logDirs = await directories(t, 'a', 'b')
  const before = logDirs.map(textIn)
  for (const directory of logDirs) fs.rmSync(fileIn(directory))
  fs.writeFileSync(path.join(logDirs[0] ?? '', 'catalogue.db'), 'rubbish')
  // Mounted the other way round.
  const [a = '', b = ''] = logDirs
  fs.renameSync(a, `${a}-moved`)
  fs.renameSync(b, a)
  fs.renameSync(`${a}-moved`, b)
  const report = await repair(a, b)
  assert.deepEqual([report.repaired, report.identified], [true, [a, b]])
  assert.deepEqual([textIn(b), textIn(a)], before)
  await assertServed(t, [a, b])
})

test('one of two is offline without it, and says what helps', async (t) => {
  const [a = '', b = ''] = await directories(t, 'a', 'b')
  const before = textIn(b)
  fs.rmSync(fileIn(b))
  const engine = await openEmbeddedEngine(t, { logDirs: [a, b] })
  assert.match(engine.troubles()[0]?.detail ?? '', /no meta\.properties.*posthorn repair/)
  await engine.close()
  assert.deepEqual((await repair(a, b)).identified, [b])
  assert.equal(textIn(b), before)
  await assertServed(t, [a, b])
})

test('a directory that nothing tells for certain is left as it is', async (t) => {
  const [a = '', b = ''] = await directories(t, 'a', 'b')
  const [foreign = ''] = await directories(t, 'foreign')
  const copy = `${b}-copy`
  fs.cpSync(b, copy, { recursive: true })
  const kafka = path.join(tempDirectory(t), 'kafka')
  fs.mkdirSync(path.join(kafka, 'orders-0'), { recursive: true })
  fs.writeFileSync(fileIn(kafka), 'version=1\ncluster.id=x\nnode.id=1\n')
  fs.rmSync(fileIn(foreign))
  fs.rmSync(fileIn(copy))
  for (const directory of [foreign, copy, kafka]) {
    const before = fs.readdirSync(directory).sort()
    await assert.rejects(repair(a, b, directory), { name: 'StartupError', message: /Nothing was touched/ })
    assert.deepEqual(
      fs
        .readdirSync(directory)
        .filter((name) => name !== '.lock')
        .sort(),
      before.filter((name) => name !== '.lock'),
    )
  }
  await assert.rejects(repair(kafka), /Nothing was touched/)
  await assertServed(t, [a, b])
})

test('of a newer release it is not replaced', async (t) => {
  const [only = ''] = await directories(t, 'only')
  alter(only, /format\.version=2/, 'format.version=9')
  const before = textIn(only)
  await assert.rejects(repair(only), /newer release/)
  assert.equal(textIn(only), before)
})

test('directories of two servers are not made one', async (t) => {
  const [one = ''] = await directories(t, 'one')
  const [other = ''] = await directories(t, 'other')
  const before = [one, other].map(textIn)
  await assert.rejects(repair(one, other), {
    name: 'StartupError',
    message: /belongs to cluster .* Nothing was touched/,
  })
  assert.deepEqual([one, other].map(textIn), before)
  await assertServed(t, [one])
})

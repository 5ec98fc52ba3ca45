import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Logger } from '../../../src/broker/logger.ts'
import { repairCatalogue, type RepairReport } from '../../../src/embedded/catalogue/repair-catalogue.ts'
import type { EmbeddedEngine } from '../../../src/embedded/embedded-engine.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { makeTopic } from '../../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { allValues, publish } from '../../support/engine-records.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { asKilled, verified } from '../../support/verified-directory.ts'

const CATALOGUE = /^catalogue\./

function repaired(directory: string): Promise<RepairReport> {
  const limits = { offsetsTopicSegmentBytes: 1024 * 1024, topicPartitionsMax: 1000 }
  return repairCatalogue({
    logDirs: [directory],
    nodeId: 1,
    fileSystem: nodeFileSystem,
    nowMs: 1_700_000_000_000,
    ...limits,
  })
}

function unknownOf(engine: EmbeddedEngine): string[] {
  return engine.troubles().flatMap(({ kind, detail, notReady }) => {
    if (kind !== 'partitions-unknown') return []
    assert.equal(notReady, false)
    return [detail]
  })
}

/** The catalogue and its copies as they are now, to be put back later. */
function catalogueOf(t: TestContext, directory: string): (into: string) => void {
  const kept = tempDirectory(t)
  const names = fs.readdirSync(directory).filter((name) => CATALOGUE.test(name))
  for (const name of names) fs.copyFileSync(path.join(directory, name), path.join(kept, name))
  return (into) => {
    for (const name of fs.readdirSync(into)) if (CATALOGUE.test(name)) fs.rmSync(path.join(into, name))
    for (const name of names) fs.copyFileSync(path.join(kept, name), path.join(into, name))
  }
}

/**
 * What a kill leaves whose journal alone has the newest records, with a catalogue from before: it does not know the topic
 * `invoices` and the later partitions of `orders`.
 */
async function withOlderCatalogue(t: TestContext): Promise<string> {
  const directory = path.join(tempDirectory(t), 'data')
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'orders', 2)
  await publish(first, 'orders', { 0: ['a'] })
  await first.close()
  const putBack = catalogueOf(t, directory)
  const second = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(second, 'invoices', 1, { 'segment.bytes': '1000' })
  await second.topics.addPartitions('orders', 4)
  for (let round = 0; round < 8; round++) await publish(second, 'invoices', { 0: [`${round}`.padEnd(300, 'x')] })
  await second.close()
  const third = await openEmbeddedEngine(t, { logDirs: [directory] })
  await publish(third, 'invoices', { 0: ['in the journal'] })
  await publish(third, 'orders', { 0: ['b'], 3: ['in the journal alone'] })
  const [killed = ''] = asKilled(t, directory)
  await third.close()
  putBack(killed)
  return killed
}

test('records of topics that an older catalogue does not know outlive starts with it, and come back with repair', async (t) => {
  const directory = await withOlderCatalogue(t)
  assert.equal(
    fs.statSync(path.join(directory, 'orders-3', '00000000000000000000.log')).size,
    0,
    'in the journal alone',
  )
  for (let start = 0; start < 3; start++) {
    const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
    assert.deepEqual(await allValues(engine, 'orders', 0), ['a', 'b', ...Array.from({ length: start }, () => 'more')])
    const [detail = ''] = unknownOf(engine)
    assert.match(detail, /invoices-0.*orders-2.*orders-3.*posthorn repair/)
    // The journal goes round: what it had is overwritten.
    for (let round = 0; round < 12; round++) await publish(engine, 'orders', { 1: ['x'.repeat(400_000)] })
    await publish(engine, 'orders', { 0: ['more'] })
    await engine.close()
  }
  assert.equal(fs.readdirSync(directory).filter((name) => name.startsWith('held-')).length, 1)
  const told = (await verified(t, directory)).told.filter(({ consequence }) => consequence === 'refused')
  assert.deepEqual(told.map(({ file }) => path.basename(file)).sort(), ['invoices-0', 'orders-2', 'orders-3'])
  const report = await repaired(directory)
  assert.deepEqual([report.repaired, report.completed, report.added], [true, true, ['invoices', 'orders']])
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  const values = await allValues(engine, 'invoices', 0)
  assert.deepEqual([values.length, values.at(-1)], [9, 'in the journal'])
  assert.deepEqual(await allValues(engine, 'orders', 3), ['in the journal alone'])
  assert.equal((await publish(engine, 'invoices', { 0: ['next'] })).parts[0]?.baseOffset, 9)
  assert.deepEqual(unknownOf(engine), [])
  assert.equal(fs.readdirSync(directory).filter((name) => name.startsWith('held-')).length, 0)
  await engine.close()
  assert.equal((await verified(t, directory)).damaged, 0)
  assert.equal((await repaired(directory)).repaired, false)
})

test('a start warns once of directories that the catalogue does not know, with ten of their names', async (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'orders', 2)
  await publish(first, 'orders', { 0: ['a'] })
  await first.close()
  for (let partition = 0; partition < 12; partition++) {
    const copy = path.join(directory, `copied-${partition}`)
    fs.cpSync(path.join(directory, 'orders-0'), copy, { recursive: true })
  }
  // What is renamed for its removal is not a stray, nor is a file of such a name.
  fs.mkdirSync(path.join(directory, `gone-0.${'0'.repeat(32)}-delete`))
  fs.writeFileSync(path.join(directory, 'notes-1'), '')
  const warnings: string[] = []
  const logger: Logger = {
    info: () => {},
    warn: (_, message) => void warnings.push(message),
    error: () => {},
  }
  const engine = await openEmbeddedEngine(t, { logDirs: [directory], logger })
  const [detail = ''] = unknownOf(engine)
  assert.match(
    detail,
    /explain 12 partition directories: .*copied-0, .* and 2 more\. Nothing of them is served or removed/,
  )
  assert.equal(detail.match(/copied-\d+/g)?.length, 10)
  assert.deepEqual(
    warnings.filter((message) => message.includes('copied-')),
    [detail],
  )
  await engine.close()
  assert.ok(fs.existsSync(path.join(directory, 'copied-11', '00000000000000000000.log')))
})

test('a directory that was copied in from elsewhere is taken in by repair, its records and all', async (t) => {
  const base = tempDirectory(t)
  const [elsewhere, directory] = [path.join(base, 'elsewhere'), path.join(base, 'data')]
  const other = await openEmbeddedEngine(t, { logDirs: [elsewhere] })
  await makeTopic(other, 'invoices', 1, { 'segment.bytes': '1000' })
  for (let round = 0; round < 8; round++) await publish(other, 'invoices', { 0: [`${round}`.padEnd(300, 'x')] })
  await other.close()
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'orders', 1)
  await publish(first, 'orders', { 0: ['a'] })
  await first.close()
  const copy = path.join(directory, 'invoices-0')
  fs.cpSync(path.join(elsewhere, 'invoices-0'), copy, { recursive: true })
  const last =
    fs
      .readdirSync(copy)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1) ?? ''
  fs.appendFileSync(path.join(copy, last), 'an unfinished write')
  const report = await repaired(directory)
  assert.deepEqual([report.completed, report.added, report.needsConfirmation], [true, ['invoices'], true])
  const { told, damaged } = await verified(t, directory)
  assert.equal(damaged, 0, JSON.stringify(told))
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  assert.equal((await allValues(engine, 'invoices', 0)).length, 8)
  assert.equal((await publish(engine, 'invoices', { 0: ['next'] })).parts[0]?.baseOffset, 8)
  assert.deepEqual(
    engine.troubles().map(({ kind }) => kind),
    ['catalogue-rebuilt'],
  )
  await engine.close()
  const again = await openEmbeddedEngine(t, { logDirs: [directory] })
  assert.equal((await allValues(again, 'invoices', 0)).at(-1), 'next')
  await again.close()
  assert.ok(!fs.existsSync(path.join(copy, '.adopt')))
  assert.equal((await verified(t, directory)).damaged, 0)
})

test('a second copy of a partition that the catalogue places elsewhere is left out, and what is new comes in', async (t) => {
  const base = tempDirectory(t)
  const [a, b] = [path.join(base, 'a'), path.join(base, 'b')]
  const engine = await openEmbeddedEngine(t, { logDirs: [a, b] })
  await makeTopic(engine, 'orders', 2)
  await publish(engine, 'orders', { 0: ['zero'], 1: ['one'] })
  await engine.close()
  const [held, other] = fs.existsSync(path.join(a, 'orders-0')) ? [a, b] : [b, a]
  fs.cpSync(path.join(held, 'orders-0'), path.join(other, 'orders-0'), { recursive: true })
  const limits = { offsetsTopicSegmentBytes: 1024 * 1024, topicPartitionsMax: 1000 }
  const options = { nodeId: 1, fileSystem: nodeFileSystem, nowMs: 1_700_000_000_000, ...limits }
  const report = await repairCatalogue({ logDirs: [a, b], ...options })
  assert.equal(report.repaired, false)
  assert.match(report.leftOut?.[0] ?? '', /orders-0: the catalogue places the partition in the directory with the id/)
  assert.equal(report.leftOut?.length, 1)
})

test('a directory that cannot be looked into is told, and stops nobody', async (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'orders', 1)
  await first.close()
  fs.symlinkSync('copied-0', path.join(directory, 'copied-0'))
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  assert.match(unknownOf(engine)[0] ?? '', /a partition directory: .*copied-0/)
  await publish(engine, 'orders', { 0: ['a'] })
  await engine.close()
  assert.match(
    (await repaired(directory)).leftOut?.[0] ?? '',
    /copied-0: its partition\.metadata cannot be read: ELOOP/,
  )
})

test('partitions of a topic called held are no files of the journal', async (t) => {
  const directory = path.join(tempDirectory(t), 'data')
  const first = await openEmbeddedEngine(t, { logDirs: [directory] })
  await makeTopic(first, 'held', 3)
  await publish(first, 'held', { 0: ['a'], 2: ['b'] })
  await first.close()
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  assert.deepEqual(engine.troubles(), [])
  assert.deepEqual(await allValues(engine, 'held', 2), ['b'])
})

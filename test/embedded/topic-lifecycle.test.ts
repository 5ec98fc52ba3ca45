import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import type { CatalogueChange } from '../../src/embedded/catalogue/catalogue-state.ts'
import type { FileSystem } from '../../src/embedded/file-system.ts'
import { nodeFileSystem } from '../../src/embedded/node-file-system.ts'
import { type CatalogueStore, machineDrivers, type StorageDrivers } from '../../src/embedded/storage-drivers.ts'
import { makeTopic } from '../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../support/embedded-engine.ts'
import { allValues, publish, readFrom, valuesOf } from '../support/engine-records.ts'
import { tempDirectory } from '../support/temp-directory.ts'

type Apply = (change: CatalogueChange, really: () => Promise<void>) => Promise<void>

/** This machine's, but for what becomes of a change of the catalogue. */
function driversWith(apply: Apply): StorageDrivers {
  const startCatalogue = (): CatalogueStore => {
    const store = machineDrivers.startCatalogue()
    return {
      open: (file, initial) => store.open(file, initial),
      apply: (change) => apply(change, () => store.apply(change)),
      close: () => store.close(),
    }
  }
  return { ...machineDrivers, startCatalogue }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** A disk on which directories of this name cannot be made while it says so. */
function diskWithout(name: string, code: string): { readonly fileSystem: FileSystem; heal(): void } {
  let fails = true
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    mkdir: (directory) =>
      fails && directory.endsWith(name) ? Promise.reject(failure(code)) : nodeFileSystem.mkdir(directory),
  }
  return { fileSystem, heal: () => void (fails = false) }
}

function partitionDirectories(directory: string): string[] {
  return fs.readdirSync(directory).filter((name) => !/^journal-\d$/.test(name) && /-(\d+|delete)$/.test(name))
}

test('a topic with a long name and several partitions can be deleted', async (t) => {
  const directory = tempDirectory(t)
  const engine = await openEmbeddedEngine(t, { logDirs: [directory] })
  const name = 'a'.repeat(249)
  await makeTopic(engine, name, 3)
  await publish(engine, name, { 0: ['a'], 1: ['b'], 2: ['c'] })
  await engine.topics.delete(name)
  assert.deepEqual(engine.troubles(), [])
  assert.deepEqual(partitionDirectories(directory), [])
})

test('a topic that met a full disk in its creation can be made once there is space', async (t) => {
  const disk = diskWithout('orders-2', 'ENOSPC')
  const engine = await openEmbeddedEngine(t, { fileSystem: disk.fileSystem })
  await assert.rejects(makeTopic(engine, 'orders', 3))
  disk.heal()
  await makeTopic(engine, 'orders', 3)
  await publish(engine, 'orders', { 0: ['a'], 1: ['b'], 2: ['c'] })
})

test('a topic whose creation a broken disk cut short can be made when the disk is back', async (t) => {
  const directory = tempDirectory(t)
  const { fileSystem } = diskWithout('orders-2', 'EIO')
  const engine = await openEmbeddedEngine(t, { logDirs: [directory], fileSystem })
  await assert.rejects(makeTopic(engine, 'orders', 3))
  await engine.close()
  const again = await openEmbeddedEngine(t, { logDirs: [directory] })
  assert.equal(again.topics.find('orders'), undefined)
  await makeTopic(again, 'orders', 3)
  await publish(again, 'orders', { 0: ['a'], 1: ['b'], 2: ['c'] })
})

test('a topic that met a full catalogue in its creation can be made once there is space', async (t) => {
  let isFull = false
  let isFullNever = false
  const drivers = driversWith((change, really) => {
    if (change.kind === 'topic' && change.topic.name === 'orders' && !isFullNever) isFull = true
    else if (isFull) return Promise.reject(failure('SQLITE_FULL'))
    return really()
  })
  const engine = await openEmbeddedEngine(t, { drivers })
  await assert.rejects(makeTopic(engine, 'orders', 3))
  isFull = false
  await makeTopic(engine, 'payments')
  // The catalogue fills up again with the second try of this, too.
  await assert.rejects(makeTopic(engine, 'orders', 3))
  isFull = false
  isFullNever = true
  await makeTopic(engine, 'orders', 3)
  await publish(engine, 'orders', { 0: ['a'], 1: ['b'], 2: ['c'] })
})

test('what is acknowledged behind a deletion that failed is there after a restart', async (t) => {
  const directory = tempDirectory(t)
  const drivers = driversWith(async (change, really) => {
    await really()
    if (change.kind === 'topic-state' && change.state === 'deleting') throw failure('SQLITE_IOERR_FSYNC')
  })
  const engine = await openEmbeddedEngine(t, { logDirs: [directory], drivers })
  await makeTopic(engine, 'orders')
  await publish(engine, 'orders', { 0: ['before'] })
  await assert.rejects(engine.topics.delete('orders'))
  const late = await publish(engine, 'orders', { 0: ['late'] }).then(
    () => 'acknowledged',
    () => 'refused',
  )
  await engine.close()
  const again = await openEmbeddedEngine(t, { logDirs: [directory] })
  const values = again.topics.find('orders') ? await allValues(again, 'orders', 0) : []
  assert.ok(late === 'refused' || values.includes('late'), `${late}, and then: ${values.join()}`)
})

test('a topic whose creation may have been written has its partitions after a restart, or is not there', async (t) => {
  const directory = tempDirectory(t)
  const drivers = driversWith(async (change, really) => {
    await really()
    if (change.kind === 'topic-state' && change.state === 'live') throw failure('SQLITE_IOERR_FSYNC')
  })
  const engine = await openEmbeddedEngine(t, { logDirs: [directory], drivers })
  await assert.rejects(makeTopic(engine, 'orders', 2))
  await engine.close()
  const again = await openEmbeddedEngine(t, { logDirs: [directory] })
  if (again.topics.find('orders') === undefined) await makeTopic(again, 'orders', 2)
  await publish(again, 'orders', { 0: ['a'], 1: ['b'] })
  assert.deepEqual(again.troubles(), [])
})

test('a topic deleted while a directory of it cannot be recovered leaves nothing there when it is back', async (t) => {
  const base = tempDirectory(t)
  const logDirs = ['one', 'other'].map((name) => path.join(base, name))
  const broken = path.join(base, 'other')
  const first = await openEmbeddedEngine(t, { logDirs })
  await makeTopic(first, 'orders', 4)
  await publish(first, 'orders', { 0: ['a'], 1: ['a'], 2: ['a'], 3: ['a'] })
  await first.close()
  for (const index of [0, 1]) fs.renameSync(path.join(broken, `journal-${index}`), path.join(base, `kept-${index}`))
  const second = await openEmbeddedEngine(t, { logDirs })
  await second.topics.delete('orders')
  await second.close()
  for (const index of [0, 1]) fs.renameSync(path.join(base, `kept-${index}`), path.join(broken, `journal-${index}`))
  const third = await openEmbeddedEngine(t, { logDirs })
  for (const directory of logDirs) assert.deepEqual(partitionDirectories(directory), [])
  await makeTopic(third, 'orders', 4)
  await publish(third, 'orders', { 0: ['b'], 1: ['b'], 2: ['b'], 3: ['b'] })
})

test('a read of a topic that is deleted and made again meanwhile gives none of the new topic’s records', async (t) => {
  const logDirs = [tempDirectory(t)]
  const first = await openEmbeddedEngine(t, { logDirs })
  await makeTopic(first, 'busy')
  await makeTopic(first, 'orders')
  await publish(first, 'busy', { 0: ['busy'] })
  await publish(first, 'orders', { 0: ['old 0', 'old 1', 'old 2'] })
  await first.close()
  const gate = Promise.withResolvers<void>()
  let isShut = false
  const open: FileSystem['open'] = async (file, options) => {
    if (isShut && file.includes('busy-0')) await gate.promise
    return nodeFileSystem.open(file, options)
  }
  const engine = await openEmbeddedEngine(t, { logDirs, fileSystem: { ...nodeFileSystem, open } })
  isShut = true
  // As many as are read from files at the same time: the next one waits.
  const others = Array.from({ length: 8 }, () => readFrom(engine, { topic: 'busy', partition: 0, offset: 0 }))
  const topicId = engine.topics.find('orders')?.topicId
  const reading = readFrom(engine, { topic: 'orders', partition: 0, offset: 0 })
  await new Promise((resolve) => setImmediate(resolve))
  await engine.topics.delete('orders')
  await makeTopic(engine, 'orders')
  await publish(engine, 'orders', { 0: ['new 0', 'new 1', 'new 2'] })
  while (!fs.statSync(path.join(logDirs[0] ?? '', 'orders-0', '00000000000000000000.log')).size) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  gate.resolve()
  await Promise.all(others)
  const read = await reading
  assert.equal(read.topicId, topicId)
  if (read.error === undefined) assert.deepEqual(valuesOf(read), [])
})

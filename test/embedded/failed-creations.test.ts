import assert from 'node:assert/strict'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises'
import type { CatalogueChange } from '../../src/embedded/catalogue/catalogue-state.ts'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { nodeFileSystem } from '../../src/embedded/node-file-system.ts'
import { machineDrivers } from '../../src/embedded/storage-drivers.ts'
import { embeddedOptions } from '../support/embedded-engine.ts'
import { allValues, brokerError, publish } from '../support/engine-records.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'

const topic = { name: 'orders', partitionCount: 4, configs: new Map<string, string>() }
const refused = brokerError('KAFKA_STORAGE_ERROR', { stored: 'no' })

/** A machine whose second log directory cannot be synced, or whose catalogue is full, when the test says so. */
class FailingMachine {
  /** Of the second log directory, so often. */
  syncError: { readonly code: 'EIO' | 'ENOSPC'; times: number } = { code: 'EIO', times: 0 }
  /** Syncs of the first one wait for it. */
  firstIsReady: Promise<void> = Promise.resolve()
  isCatalogueFull: (change: CatalogueChange) => boolean = () => false
  readonly #logDirs: readonly string[]
  readonly #t: TestContext

  constructor(t: TestContext) {
    const base = tempDirectory(t)
    this.#logDirs = ['one', 'two'].map((name) => path.join(base, name))
    this.#t = t
  }

  async open(): Promise<EmbeddedEngine> {
    const syncDirectory = async (directory: string): Promise<void> => {
      if (directory === this.#logDirs[0]) await this.firstIsReady
      if (directory === this.#logDirs[1] && this.syncError.times-- > 0) throw systemError(this.syncError.code)
      await nodeFileSystem.syncDirectory(directory)
    }
    const startCatalogue = () => {
      const store = machineDrivers.startCatalogue()
      const apply = async (change: CatalogueChange): Promise<void> => {
        if (this.isCatalogueFull(change)) throw systemError('SQLITE_FULL')
        await store.apply(change)
      }
      return { open: store.open.bind(store), apply, close: store.close.bind(store) }
    }
    const engine = await EmbeddedEngine.open(
      embeddedOptions(this.#t, {
        logDirs: this.#logDirs,
        fileSystem: { ...nodeFileSystem, syncDirectory },
        drivers: { ...machineDrivers, startCatalogue },
      }),
    )
    cleanUpBehind(this.#t, () => engine.close())
    return engine
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

async function assertMade(engine: EmbeddedEngine): Promise<void> {
  await engine.topics.create(topic)
  await publish(engine, 'orders', { 0: ['a'], 1: ['b'], 2: ['c'], 3: ['d'] })
  assert.deepEqual(await allValues(engine, 'orders', 3), ['d'])
}

test('a topic that a full disk did not take can be made once there is space', async (t) => {
  const machine = new FailingMachine(t)
  const engine = await machine.open()
  machine.syncError = { code: 'ENOSPC', times: Infinity }
  await assert.rejects(engine.topics.create(topic), refused)
  machine.syncError.times = 0
  await assertMade(engine)
})

test('a creation that fails in one log directory is undone when the others have done with it', async (t) => {
  const machine = new FailingMachine(t)
  const engine = await machine.open()
  const { promise, resolve } = Promise.withResolvers<void>()
  machine.firstIsReady = promise
  machine.syncError = { code: 'ENOSPC', times: 1000 }
  const failed = assert.rejects(engine.topics.create(topic), refused)
  while (machine.syncError.times > 998) await nextTurn()
  // It waits for the first directory; without that it would end here.
  await Promise.race([failed, setTimeout(100)])
  machine.syncError.times = 0
  resolve()
  await failed
  await assertMade(engine)
})

test('a topic whose creation failed on a disk can be made behind a restart, whatever the disk had of it', async (t) => {
  const machine = new FailingMachine(t)
  const engine = await machine.open()
  machine.syncError = { code: 'EIO', times: 1 }
  await assert.rejects(engine.topics.create(topic), refused)
  await engine.close()
  await assertMade(await machine.open())
})

test('a topic whose creation neither found room to end nor to be undone can be made once there is space', async (t) => {
  const machine = new FailingMachine(t)
  const engine = await machine.open()
  machine.isCatalogueFull = ({ kind }) => kind === 'topic-state' || kind === 'topic-gone'
  await assert.rejects(engine.topics.create(topic), refused)
  machine.isCatalogueFull = () => false
  await assertMade(engine)
})

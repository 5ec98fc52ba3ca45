import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { repairCatalogue } from '../../src/embedded/catalogue/repair-catalogue.ts'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import type { FileSystem } from '../../src/embedded/file-system.ts'
import { nodeFileSystem } from '../../src/embedded/node-file-system.ts'
import { StartupError } from '../../src/embedded/startup-error.ts'
import { embeddedOptions } from '../support/embedded-engine.ts'
import { allValues, publish } from '../support/engine-records.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { repositoryRoot } from '../tidy/source-files.ts'
import { missingForFailingCalls } from './crash/io-errors/failing-calls.ts'
import { skipUnless } from './crash/scale.ts'

/*
 * `posthorn repair` and the change of the catalogue's schema, killed at each of their steps: a start then serves
 * everything or names the command, and that command, run again, ends with everything there.
 */
const DIRECTORIES = ['one', 'two']

interface Golden {
  readonly folder: string
  readonly logDirs: (folder: string) => string[]
}

/** Two log directories as a kill leaves them: with what SQLite has not carried into the catalogue's file yet. */
async function makeGolden(t: TestContext): Promise<Golden> {
  const base = tempDirectory(t)
  const logDirs = (folder: string): string[] => DIRECTORIES.map((name) => join(folder, name))
  const engine = await EmbeddedEngine.open(embeddedOptions(t, { logDirs: logDirs(join(base, 'live')) }))
  for (const name of ['orders', 'payments']) {
    await engine.topics.create({ name, partitionCount: 4, configs: new Map([['retention.ms', '-1']]) })
    await publish(engine, name, { 0: ['a', 'b'], 1: ['c'], 2: ['d'], 3: ['e'] })
  }
  await engine.topics.deleteRecords('orders', 0, 1)
  cpSync(join(base, 'live'), join(base, 'golden'), { recursive: true })
  await engine.close()
  assert.ok(existsSync(join(base, 'golden', 'one', 'catalogue.db-wal')), 'SQLite has kept nothing back')
  return { folder: join(base, 'golden'), logDirs }
}

const damages: Record<string, (folder: string) => void> = {
  'a damaged file': (folder) => writeFileSync(join(folder, 'one', 'catalogue.db'), Buffer.alloc(8192, 'x')),
  'a damaged file, no copy': (folder) => {
    damages['a damaged file']?.(folder)
    for (const name of DIRECTORIES) rmSync(join(folder, name, 'catalogue.snapshot'))
  },
  'no meta.properties': (folder) => {
    for (const name of DIRECTORIES) rmSync(join(folder, name, 'meta.properties'))
  },
  'the file is gone': (folder) => rmSync(join(folder, 'one', 'catalogue.db')),
}

class Killed extends Error {}

/** Dies in front of the n-th call that changes something; whatever is called later never comes back. */
function dyingAt(n: number): { readonly fileSystem: FileSystem; readonly calls: () => number } {
  let calls = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (++calls === n) throw new Killed()
    return calls > n ? new Promise<T>(() => {}) : work()
  }
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: (path, options) =>
      options?.readOnly === true ? nodeFileSystem.open(path, options) : step(() => nodeFileSystem.open(path, options)),
    rename: (from, to) => step(() => nodeFileSystem.rename(from, to)),
    unlink: (path) => step(() => nodeFileSystem.unlink(path)),
    syncDirectory: (path) => step(() => nodeFileSystem.syncDirectory(path)),
  }
  return { fileSystem, calls: () => calls }
}

async function assertServed(t: TestContext, logDirs: readonly string[], hasCopy: boolean): Promise<void> {
  const engine = await EmbeddedEngine.open(embeddedOptions(t, { logDirs }))
  try {
    for (const name of ['orders', 'payments']) {
      for (const [partition, value] of ['c', 'd', 'e'].entries()) {
        assert.deepEqual(await allValues(engine, name, partition + 1), [value])
      }
    }
    assert.deepEqual(await allValues(engine, 'payments', 0), ['a', 'b'])
    const [start] = await engine.listOffsets([{ topic: 'orders', partition: 0, at: 'earliest' }])
    // Without a copy nobody knows any more that records were deleted: they are there again.
    assert.equal(start?.offset, hasCopy ? 1 : 0)
    await publish(engine, 'orders', { 0: ['new'] })
  } finally {
    await engine.close()
  }
}

describe('posthorn repair, killed in front of each of its steps', () => {
  for (const [what, damage] of Object.entries(damages)) {
    test(what, async (t) => {
      const golden = await makeGolden(t)
      const options = {
        fileSystem: nodeFileSystem,
        nodeId: 1,
        nowMs: Date.now(),
        offsetsTopicSegmentBytes: 1048576,
        topicPartitionsMax: 1000,
      }
      let point = 0
      for (let isDone = false; !isDone;) {
        const folder = join(tempDirectory(t), 'copy')
        cpSync(golden.folder, folder, { recursive: true })
        damage(folder)
        const logDirs = golden.logDirs(folder)
        const { fileSystem } = dyingAt(++point)
        isDone = await repairCatalogue({ ...options, logDirs, fileSystem }).then(
          () => true,
          (error: unknown) => {
            assert.ok(error instanceof Killed, String(error))
            return false
          },
        )
        const hasCopy = what !== 'a damaged file, no copy'
        const started = await assertServed(t, logDirs, hasCopy).then(
          () => true,
          (error: unknown) => {
            assert.ok(
              error instanceof StartupError && /posthorn repair/.test(error.message),
              `${point}: ${String(error)}`,
            )
            return false
          },
        )
        assert.ok(started || !isDone, 'it was repaired, and is not served')
        if (started) continue
        await repairCatalogue({ ...options, logDirs })
        await assertServed(t, logDirs, hasCopy)
        assert.deepEqual(
          readdirSync(join(folder, 'one')).filter((name) => name.endsWith('.tmp')),
          [],
        )
      }
      t.diagnostic(`${point - 1} points`)
      assert.ok(point > 3)
    })
  }
})

const CHANGES = 'write,pwrite64,fsync,fdatasync,ftruncate,unlink'
const OPEN = `
  import { CatalogueDatabase } from './src/embedded/catalogue/catalogue-database.ts'
  const catalogue = CatalogueDatabase.open(process.argv[1])
  process.stdout.write(catalogue.state().topics.map(({ name }) => name).sort().join())
  catalogue.close()
`

test(
  'a catalogue of the first schema, killed in front of each step to the second',
  {
    skip: skipUnless(missingForFailingCalls()),
    timeout: 120_000,
  },
  async (t) => {
    const golden = await makeGolden(t)
    const old = join(golden.folder, 'one', 'catalogue.db')
    const database = new Database(old)
    database.exec('ALTER TABLE cluster DROP COLUMN rebuilt_ms; PRAGMA user_version = 1')
    database.close()
    const command = [process.execPath, '--input-type=module', '-e', OPEN]
    let point = 0
    for (let isDone = false; !isDone;) {
      const file = join(tempDirectory(t), 'catalogue.db')
      cpSync(old, file)
      const aims = ['', '-wal', '-shm', '-journal'].flatMap((suffix) => ['-P', file + suffix])
      const inject = ['-e', `trace=${CHANGES}`, '-e', `inject=${CHANGES}:signal=KILL:when=${++point}`]
      const options = { cwd: repositoryRoot, encoding: 'utf8' } as const
      const run = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', ...inject, ...aims, ...command, file], options)
      isDone = run.status === 0
      const again = spawnSync(command[0] ?? '', [...command.slice(1), file], options)
      assert.equal(again.stdout, 'orders,payments', `killed at step ${point}: ${again.stderr}`)
      assert.ok(point < 60, run.stderr)
    }
    t.diagnostic(`${point - 1} points`)
    assert.ok(point > 3)
  },
)

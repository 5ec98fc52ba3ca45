import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { CatalogueDatabase } from '../../../src/embedded/catalogue/catalogue-database.ts'
import { openDirectories, type OpenDirectoriesOptions } from '../../../src/embedded/directory/open-directories.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

async function open(t: TestContext, logDirs: readonly string[], options: Partial<OpenDirectoriesOptions> = {}) {
  const opened = await openDirectories({
    logDirs,
    nodeId: 1,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    space: { reserveBytes: 1024 },
    logger: silentLogger,
    ...options,
  })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= opened.catalogue.close().finally(() => {
      for (const directory of opened.directories) directory.releaseLock()
    })
    return closing
  }
  cleanUpBehind(t, close)
  const byPath = (directory: string) => {
    const found = opened.directories.find((candidate) => candidate.path === directory)
    assert.ok(found, directory)
    return found
  }
  return { ...opened, byPath, close }
}

function three(t: TestContext): [string, string, string] {
  const base = tempDirectory(t)
  return [path.join(base, 'a'), path.join(base, 'b'), path.join(base, 'c')]
}

/** Everything in a directory but the lock and SQLite's side files: what a refused start must not have changed. */
function contents(directory: string): Record<string, string> {
  const entries = fs.readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !/^\.lock|-(wal|shm)$/.test(entry.name))
  return Object.fromEntries(
    files.map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      return [path.relative(directory, file), fs.readFileSync(file, 'base64')]
    }),
  )
}

test('a first start makes the directories, with parents; the next finds the same ids, in any order', async (t) => {
  const base = tempDirectory(t)
  const [a, b] = [path.join(base, 'deep/er/a'), path.join(base, 'b')]
  const first = await open(t, [a, b])
  const clusterId = first.catalogue.clusterId
  const ids = [first.byPath(a).directoryId, first.byPath(b).directoryId]
  assert.notEqual(ids[0], ids[1])
  await first.close()
  const second = await open(t, [b, a])
  assert.equal(second.catalogue.clusterId, clusterId)
  assert.deepEqual([second.byPath(a).directoryId, second.byPath(b).directoryId], ids)
  assert.ok(second.directories.every((directory) => directory.online))
  assert.ok(fs.existsSync(path.join(a, 'catalogue.db')))
  assert.ok(!fs.existsSync(path.join(b, 'catalogue.db')), 'one directory holds the catalogue')
})

test('the same directory named twice is refused', async (t) => {
  const base = tempDirectory(t)
  await assert.rejects(open(t, [base, path.join(base, 'x', '..')]), /names .* twice/)
  const link = path.join(tempDirectory(t), 'link')
  fs.symlinkSync(base, link)
  await assert.rejects(open(t, [base, link]), /is in use/)
})

test('a directory that is missing is offline and not made; a new one is taken in', async (t) => {
  const [a, b, c] = three(t)
  await (await open(t, [a, b])).close()
  const lostId = fs.readFileSync(path.join(b, 'meta.properties'), 'utf8')
  fs.renameSync(b, `${b}-away`)
  const without = await open(t, [a, b, c])
  assert.equal(without.byPath(b).online, false)
  assert.equal(without.byPath(b).offlineReason, 'it is missing')
  assert.equal(fs.existsSync(b), false)
  assert.equal(without.byPath(c).online, true)
  await without.close()
  fs.renameSync(`${b}-away`, b)
  const again = await open(t, [a, b, c])
  assert.ok(again.directories.every((directory) => directory.online))
  assert.ok(lostId.includes(again.byPath(b).directoryId))
})

test('an empty directory in the place of a known one is offline, and stays empty', async (t) => {
  const [a, b] = three(t)
  await (await open(t, [a, b])).close()
  fs.renameSync(b, `${b}-away`)
  fs.mkdirSync(b)
  const opened = await open(t, [a, b])
  assert.match(opened.byPath(b).offlineReason ?? '', /probably not mounted/)
  assert.deepEqual(fs.readdirSync(b), [])
})

test('a swapped directory is offline; one that moved to another path is not', async (t) => {
  const [a, b, c] = three(t)
  await (await open(t, [a, b])).close()
  const meta = fs.readFileSync(path.join(b, 'meta.properties'), 'utf8')
  fs.renameSync(b, c)
  const moved = await open(t, [a, c])
  assert.equal(moved.byPath(c).online, true)
  assert.equal(moved.directories.length, 2)
  await moved.close()
  fs.writeFileSync(
    path.join(c, 'meta.properties'),
    meta.replace(/^directory\.id=.*$/m, 'directory.id=' + 'x'.repeat(22)),
  )
  const swapped = await open(t, [a, c])
  assert.equal(swapped.byPath(c).online, false)
  assert.match(swapped.byPath(c).offlineReason ?? '', /Another disk is mounted in its place/)
})

test('a directory of another cluster or node, a copy, and foreign files are refused; nothing is touched', async (t) => {
  const [a, b, c] = three(t)
  await (await open(t, [a])).close()
  await (await open(t, [b])).close()
  const before = [contents(a), contents(b)]
  await assert.rejects(open(t, [a, b]), /do not belong together.*cluster\.id/)
  await assert.rejects(open(t, [a], { nodeId: 2 }), /belongs to node\.id 1, but node\.id is 2/)
  fs.cpSync(a, c, { recursive: true })
  await assert.rejects(open(t, [a, c]), /one is a copy of the other/)
  assert.deepEqual([contents(a), contents(b)], before)
  const foreign = tempDirectory(t)
  fs.writeFileSync(path.join(foreign, 'thesis.doc'), 'x')
  await assert.rejects(open(t, [foreign]), /holds files \('thesis\.doc'\) but no meta\.properties/)
  assert.deepEqual(fs.readdirSync(foreign), ['thesis.doc'])
})

test('without the directory that holds the catalogue the start stops, and says which', async (t) => {
  const [a, b] = three(t)
  await (await open(t, [a, b])).close()
  fs.renameSync(a, `${a}-away`)
  const before = contents(b)
  await assert.rejects(open(t, [a, b]), {
    name: 'StartupError',
    message: /holds the catalogue .* is not among log\.dirs, or not mounted.*posthorn repair/,
  })
  assert.equal(fs.existsSync(a), false)
  assert.deepEqual(contents(b), before)
})

test('a refused start holds no locks', async (t) => {
  const [a, b] = three(t)
  await (await open(t, [a])).close()
  await (await open(t, [b])).close()
  await assert.rejects(open(t, [a, b]))
  await (await open(t, [a])).close()
  await (await open(t, [b])).close()
})

test('a second engine on a directory in use is refused at once, and does no harm', async (t) => {
  const [a] = three(t)
  const first = await open(t, [a])
  await assert.rejects(open(t, [a]), /is in use/)
  await first.catalogue.apply({
    kind: 'directory',
    directory: { directoryId: first.byPath(a).directoryId, path: a },
  })
})

test('a directory that cannot be read is refused with its path and the remedy', async (t) => {
  const [a] = three(t)
  const denied = {
    ...nodeFileSystem,
    readdir: (directory: string) =>
      Promise.reject(Object.assign(new Error(`EACCES: permission denied, scandir '${directory}'`), { code: 'EACCES' })),
  }
  await assert.rejects(open(t, [a], { fileSystem: denied }), /cannot be read: EACCES.*change its owner or permissions/)
  const unwritable = {
    ...nodeFileSystem,
    mkdir: (directory: string) =>
      Promise.reject(Object.assign(new Error(`EACCES: permission denied, mkdir '${directory}'`), { code: 'EACCES' })),
  }
  await assert.rejects(open(t, [a], { fileSystem: unwritable }), {
    name: 'StartupError',
    message: new RegExp(`${a} cannot be made: EACCES`),
  })
})

test('a first start that was broken off before meta.properties begins anew', async (t) => {
  const [a] = three(t)
  fs.mkdirSync(a)
  CatalogueDatabase.create(path.join(a, 'catalogue.db'), {
    clusterId: 'unfinished',
    generation: 0,
    directories: [],
    topics: [],
  }).close()
  const opened = await open(t, [a])
  assert.notEqual(opened.catalogue.clusterId, 'unfinished')
})

test('a directory of an earlier release is marked before it is written to', async (t) => {
  const logDirs = [tempDirectory(t), tempDirectory(t)]
  await (await open(t, logDirs)).close()
  const files = logDirs.map((directory) => path.join(directory, 'meta.properties'))
  for (const file of files) {
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('format.version=2', 'format.version=1'))
  }
  await (await open(t, logDirs)).close()
  for (const file of files) assert.match(fs.readFileSync(file, 'utf8'), /^format\.version=2$/m)
})

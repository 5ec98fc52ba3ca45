import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '../../../src/broker/logger.ts'
import { repairCatalogue } from '../../../src/embedded/catalogue/repair-catalogue.ts'
import { openDirectories } from '../../../src/embedded/directory/open-directories.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { cleanUpBehind, tempDirectory } from '../../support/temp-directory.ts'

interface Found {
  readonly clusterId: string
  readonly topics: readonly string[]
  readonly online: number
}

/** Opens the directories, makes the topics named, closes, and tells what was there. */
async function use(logDirs: readonly string[], ...names: readonly string[]): Promise<Found> {
  const { catalogue, directories } = await openDirectories({
    logDirs,
    nodeId: 1,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    space: { reserveBytes: 1024 },
    logger: silentLogger,
  })
  try {
    const directoryId = directories[0]?.directoryId ?? ''
    for (const name of names) {
      await catalogue.apply({
        kind: 'topic',
        topic: {
          topicId: name.padEnd(22, '_'),
          name,
          state: 'live',
          internal: false,
          configs: {},
          partitions: [{ directoryId, logStartOffset: 0 }],
        },
      })
    }
    const topics = Array.from(catalogue.topics.values(), (topic) => topic.name).sort()
    return {
      clusterId: catalogue.clusterId,
      topics,
      online: directories.filter((directory) => directory.online).length,
    }
  } finally {
    await catalogue.close()
    for (const directory of directories) directory.releaseLock()
  }
}

function two(t: TestContext): [string, string] {
  const base = tempDirectory(t)
  return [path.join(base, 'a'), path.join(base, 'b')]
}

test('a damaged catalogue stops the start; repair rebuilds it from the newest snapshot and keeps it aside', async (t) => {
  const [a, b] = two(t)
  const before = await use([a, b], 'orders', 'invoices')
  const file = path.join(a, 'catalogue.db')
  fs.writeFileSync(file, 'rubbish')
  // An older copy, and a broken one, must not win.
  fs.writeFileSync(path.join(a, 'catalogue.snapshot'), 'posthorn-catalogue 1 00000000\n{}\n')
  await assert.rejects(use([a, b]), { name: 'StartupError', message: /catalogue\.db is damaged.*posthorn repair/ })
  assert.equal(fs.readFileSync(file, 'utf8'), 'rubbish')
  const report = await repairCatalogue({ logDirs: [b, a], fileSystem: nodeFileSystem })
  assert.deepEqual(report, {
    repaired: true,
    catalogue: file,
    snapshot: b,
    topicCount: 2,
    keptAside: `${file}.damaged-1`,
  })
  assert.equal(fs.readFileSync(`${file}.damaged-1`, 'utf8'), 'rubbish')
  assert.deepEqual(await use([a, b]), before)
})

test('the newest of several valid snapshots is taken', async (t) => {
  const [a, b] = two(t)
  await use([a, b], 'orders')
  const older = fs.readFileSync(path.join(b, 'catalogue.snapshot'))
  await use([a, b], 'invoices')
  fs.writeFileSync(path.join(b, 'catalogue.snapshot'), older)
  fs.rmSync(path.join(a, 'catalogue.db'))
  const report = await repairCatalogue({ logDirs: [a, b], fileSystem: nodeFileSystem })
  assert.equal(report.snapshot, a)
  assert.equal(report.keptAside, undefined)
  assert.deepEqual((await use([a, b])).topics, ['invoices', 'orders'])
})

test('when the directory of the catalogue is lost, another takes it over; the old one is then refused', async (t) => {
  const [a, b] = two(t)
  const before = await use([a, b], 'orders')
  fs.renameSync(a, `${a}-lost`)
  const report = await repairCatalogue({ logDirs: [a, b], fileSystem: nodeFileSystem })
  assert.equal(report.catalogue, path.join(b, 'catalogue.db'))
  const after = await use([a, b])
  assert.deepEqual(after, { ...before, online: 1 })
  assert.equal(fs.existsSync(a), false)
  fs.renameSync(`${a}-lost`, a)
  await assert.rejects(use([a, b]), /catalogue\.directory\.id/)
})

test('a sound catalogue is left alone, and without a snapshot nothing is touched', async (t) => {
  const [a] = two(t)
  await use([a], 'orders')
  const file = path.join(a, 'catalogue.db')
  assert.deepEqual(await repairCatalogue({ logDirs: [a], fileSystem: nodeFileSystem }), {
    repaired: false,
    catalogue: file,
    topicCount: 1,
  })
  fs.rmSync(path.join(a, 'catalogue.snapshot'))
  fs.writeFileSync(file, 'rubbish')
  await assert.rejects(repairCatalogue({ logDirs: [a], fileSystem: nodeFileSystem }), {
    name: 'StartupError',
    message: /valid catalogue\.snapshot/,
  })
  assert.equal(fs.readFileSync(file, 'utf8'), 'rubbish')
})

test('repair is refused while the server runs', async (t) => {
  const [a] = two(t)
  const opened = await openDirectories({
    logDirs: [a],
    nodeId: 1,
    fileSystem: nodeFileSystem,
    random: randomBytes,
    space: { reserveBytes: 1024 },
    logger: silentLogger,
  })
  cleanUpBehind(t, async () => {
    await opened.catalogue.close()
    opened.directories[0]?.releaseLock()
  })
  await assert.rejects(repairCatalogue({ logDirs: [a], fileSystem: nodeFileSystem }), /is in use/)
})

import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import {
  parseMetaProperties,
  readMetaProperties,
  writeMetaProperties,
} from '../../../src/embedded/directory/meta-properties.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const meta = {
  clusterId: 'AAAAAAAAAAAAAAAAAAAAAA',
  nodeId: 7,
  directoryId: 'BBBBBBBBBBBBBBBBBBBBBB',
  catalogueDirectoryId: 'CCCCCCCCCCCCCCCCCCCCCC',
}

test('what was written is read back', async (t) => {
  const directory = tempDirectory(t)
  assert.equal(await readMetaProperties(nodeFileSystem, directory), undefined)
  await writeMetaProperties(nodeFileSystem, directory, meta)
  assert.deepEqual(await readMetaProperties(nodeFileSystem, directory), { ...meta, formatVersion: 2 })
  assert.deepEqual(fs.readdirSync(directory), ['meta.properties'])
})

test('a newer format, a Kafka directory and a damaged file are refused with what to do', async (t) => {
  const directory = tempDirectory(t)
  await writeMetaProperties(nodeFileSystem, directory, meta)
  const text = fs.readFileSync(path.join(directory, 'meta.properties'), 'utf8')
  const refused = (changed: string, message: RegExp): void => {
    assert.throws(() => parseMetaProperties(changed, '/data/meta.properties'), { name: 'StartupError', message })
  }
  refused(text.replace('format.version=2', 'format.version=3'), /format\.version=3, written by a newer release/)
  refused('version=1\nnode.id=1\ncluster.id=abc\n', /Apache Kafka/)
  refused(text.replace(/^directory\.id=.*$/m, 'directory.id=short'), /'directory\.id'/)
  refused(text.replace('node.id=7', 'node.id=x'), /'node\.id'/)
  refused('', /'format\.version'/)
})

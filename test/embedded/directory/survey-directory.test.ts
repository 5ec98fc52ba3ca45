import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { surveyDirectory } from '../../../src/embedded/directory/survey-directory.ts'
import { nodeFileSystem } from '../../../src/embedded/node-file-system.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

test('what a first start leaves that was killed while it made the catalogue is nobody’s data', async (t) => {
  const directory = tempDirectory(t)
  for (const name of ['.lock', '.lock-journal', 'catalogue.db', 'catalogue.db-journal']) {
    fs.writeFileSync(path.join(directory, name), '')
  }
  assert.equal((await surveyDirectory(nodeFileSystem, directory)).kind, 'empty')
  fs.writeFileSync(path.join(directory, 'notes.txt'), '')
  assert.equal((await surveyDirectory(nodeFileSystem, directory)).kind, 'occupied')
})

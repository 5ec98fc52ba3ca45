import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { renderConfigurationDocs } from '../../src/config/configuration-docs.ts'
import { knownNames } from '../../src/config/setting-names.ts'
import { repositoryRoot } from '../tidy/source-files.ts'

test('docs/configuration.md is what the tables say; if not, run `npm run generate`', () => {
  assert.equal(readFileSync(`${repositoryRoot}/docs/configuration.md`, 'utf8'), renderConfigurationDocs())
})

test('every known name is on the page, and every table row has as many cells as its head', () => {
  const page = renderConfigurationDocs()
  for (const name of knownNames) assert.ok(page.includes(`\`${name}\``), name)
  for (const block of page.split('\n\n').filter((text) => text.startsWith('|'))) {
    const widths = new Set(
      block
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/(?<!\\)\|/).length),
    )
    assert.equal(widths.size, 1, block.slice(0, 200))
  }
})

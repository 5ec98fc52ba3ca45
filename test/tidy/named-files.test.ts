import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot, sourceFiles } from './source-files.ts'

/** Sources that a page names in code spans or drawings, as it names them: `page-reader.ts`, `http/lines/lines-upload.ts`. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/[\w/-]+\.ts\b/g)].map(([name]) => name.replace(/^src\//, ''))
}

function missingFrom(text: string, paths: readonly string[]): string[] {
  return namedIn(text).filter((name) => !paths.some((path) => path.endsWith(`/${name}`)))
}

test('the pages for readers of the code name files that are there', () => {
  const paths = sourceFiles('src').map(({ path }) => path)
  for (const page of ['docs/architecture.md', 'docs/write-path.md']) {
    const text = readFileSync(join(repositoryRoot, page), 'utf8')
    assert.ok(namedIn(text).length > 5, page)
    assert.deepEqual(missingFrom(text, paths), [], page)
  }
})

test('a file that is gone is found', () => {
  const paths = ['src/broker/page-reader.ts']
  assert.deepEqual(missingFrom('see `page-reader.ts` and `broker/page-writer.ts`', paths), ['broker/page-writer.ts'])
})

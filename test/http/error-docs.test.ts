import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorCatalogue } from '../../src/broker/error-catalogue.ts'
import { renderErrorDocs, renderErrorPage } from '../../src/http/error-docs.ts'

test('docs/errors.md is current', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  assert.equal(page, renderErrorDocs(), 'run `npm run generate`')
})

test('each code has its place on the page that the type of a problem leads to', () => {
  for (const code of Object.keys(errorCatalogue)) assert.ok(renderErrorPage().includes(`<tr id="${code}">`), code)
})

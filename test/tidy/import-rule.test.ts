import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importRuleBreaches } from './import-rule.ts'
import { sourceFiles } from './source-files.ts'

test('every file imports only what its room may', () => {
  const files = sourceFiles('src')
  assert.ok(files.length > 10)
  assert.deepEqual(files.flatMap(importRuleBreaches), [])
})

test('the rule finds a breach of each kind', () => {
  const breaches = (path: string, text: string): number => importRuleBreaches({ path, text }).length
  assert.equal(breaches('src/codec/varint.ts', "import { x } from '../broker/x.ts'"), 1)
  assert.equal(breaches('src/broker/x.ts', "import type { A } from '../embedded/log/a.ts'"), 1)
  assert.equal(breaches('src/http/controllers/a.ts', "import {\n  B,\n} from '../../embedded/b.ts'"), 1)
  assert.equal(breaches('src/http/a.ts', "export { B } from '../codec/b.ts'"), 1)
  assert.equal(breaches('src/broker/x.ts', "const a = await import('../http/a.ts')"), 1)
  assert.equal(breaches('src/http/a.ts', "import Database from 'better-sqlite3'"), 1)
  assert.equal(breaches('src/http/a.ts', "import { readFileSync } from 'node:fs'"), 1)
  assert.equal(breaches('src/broker/a.ts', "import fastify from 'fastify'"), 1)
  assert.equal(breaches('src/embedded/a.ts', "import { x } from '../app.ts'"), 1)
  assert.equal(breaches('src/attic/a.ts', ''), 1)
  assert.equal(breaches('src/embedded/a.ts', "import { x } from '../codec/x.ts'\nimport * as fs from 'node:fs'"), 0)
  assert.equal(breaches('src/serve.ts', "import { x } from './app.ts'"), 0)
})

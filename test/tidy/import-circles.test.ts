import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importCircles } from './import-circles.ts'
import { sourceFiles } from './source-files.ts'

test('no files of the program import each other in a circle, not even types', () => {
  const files = sourceFiles('src')
  assert.ok(files.length > 100)
  assert.deepEqual(importCircles(files), [])
})

/** Files of one folder, by name: what each imports. */
function circlesAmong(imports: Readonly<Record<string, string>>): string[][] {
  return importCircles(Object.entries(imports).map(([name, text]) => ({ path: `src/broker/${name}.ts`, text })))
}

test('a planted circle is found, whichever way it is closed', () => {
  assert.deepEqual(circlesAmong({ a: "import { b } from './b.ts'", b: "import { a } from './a.ts'" }), [
    ['src/broker/a.ts', 'src/broker/b.ts'],
  ])
  const types = { a: "import type { B } from './b.ts'", b: "import {\n  type A,\n} from './a.ts'" }
  assert.equal(circlesAmong(types).length, 1)
  assert.equal(circlesAmong({ a: "export type { B } from './b.ts'", b: "const a = import('./a.ts')" }).length, 1)
  assert.deepEqual(circlesAmong({ a: "import type { A } from './a.ts'" }), [['src/broker/a.ts']])
})

test('a long circle is one, with those who close it twice; what only leads to it is not in it', () => {
  const found = circlesAmong({
    entry: "import { a } from './a.ts'",
    a: "import { b } from './b.ts'",
    b: "import { c } from './c.ts'\nimport { d } from './d.ts'",
    c: "import { a } from './a.ts'\nimport { leaf } from './leaf.ts'",
    d: "import { b } from './b.ts'",
    leaf: "import * as path from 'node:path'",
  })
  assert.deepEqual(found, [['src/broker/a.ts', 'src/broker/b.ts', 'src/broker/c.ts', 'src/broker/d.ts']])
})

test('two circles are two, and a tree has none', () => {
  const pair = (one: string, other: string): Record<string, string> => ({
    [one]: `import { x } from './${other}.ts'`,
    [other]: `import { x } from './${one}.ts'`,
  })
  assert.equal(circlesAmong({ ...pair('a', 'b'), ...pair('c', 'd') }).length, 2)
  const tree = { a: "import { b } from './b.ts'\nimport { c } from './c.ts'", b: "import { c } from './c.ts'", c: '' }
  assert.deepEqual(circlesAmong(tree), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceFiles, type SourceFile } from './source-files.ts'

interface Ban {
  readonly pattern: RegExp
  readonly instead: string
  /** Files that may all the same. */
  readonly except?: readonly string[]
}

const bans: readonly Ban[] = [
  {
    pattern: /\bDate\.now\(|\bperformance\.now\(|\bnew Date\(\)|(?<![.\w])set(Timeout|Interval)\(/,
    instead: 'a Clock that is passed in',
    except: ['src/broker/clock.ts'],
  },
  {
    pattern: /\bMath\.random\(|(?<!\.)\brandomBytes\(|\brandomUUID\(/,
    instead: 'randomness that is passed in',
    except: ['src/app.ts'],
  },
  { pattern: /\bconsole\./, instead: 'the logger' },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: 'the finished thing' },
  { pattern: /\bas any\b|: any\b|<any>|@ts-(ignore|nocheck|expect-error)/, instead: 'the true type' },
  { pattern: /\bexport default\b/, instead: 'a named export' },
]

function breaches(file: SourceFile): string[] {
  return file.text
    .split('\n')
    .flatMap((line, index) =>
      bans
        .filter((ban) => ban.pattern.test(line) && !ban.except?.includes(file.path) && !/^\s*(\*|\/\/)/.test(line))
        .map((ban) => `${file.path}:${index + 1}: use ${ban.instead}: ${line.trim()}`),
    )
}

test('no source uses what is banned', () => {
  assert.deepEqual(sourceFiles('src').flatMap(breaches), [])
})

test('the ban list bites', () => {
  const found = (text: string): number => breaches({ path: 'src/broker/x.ts', text }).length
  assert.equal(found('const t = Date.now()'), 1)
  assert.equal(found('setTimeout(done, 5)'), 1)
  assert.equal(found('clock.setTimer(5, done)'), 0)
  assert.equal(found('const r = Math.random()'), 1)
  assert.equal(found('const x = y as any'), 1)
})

test('no file is called after nothing in particular, and none is too long', () => {
  for (const { path, text } of sourceFiles('src')) {
    assert.doesNotMatch(path, /\/(utils?|helpers?|common|misc|manager|index)\.ts$/, path)
    assert.ok(text.split('\n').length <= 350, `${path} has over 350 lines: split it`)
  }
})

test('the project speaks of itself alone: no path of a machine', () => {
  for (const folder of ['src', 'test', 'bench', 'scripts']) {
    for (const { path, text } of sourceFiles(folder)) {
      assert.ok(!text.includes(['', 'work', ''].join('/')), `${path} names a path of this machine`)
    }
  }
})

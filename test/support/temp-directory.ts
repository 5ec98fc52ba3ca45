import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'

type CleanUp = () => unknown

const cleanUps = new WeakMap<TestContext, CleanUp[]>()

/** Runs behind the test, the last registered first: what uses a directory is closed before that is removed. */
export function cleanUpBehind(t: TestContext, cleanUp: CleanUp): void {
  const known = cleanUps.get(t)
  if (known) {
    known.push(cleanUp)
    return
  }
  const stack = [cleanUp]
  cleanUps.set(t, stack)
  t.after(async () => {
    for (let next = stack.pop(); next; next = stack.pop()) await next()
  })
}

/** An empty directory of the test's own, removed behind it. */
export function tempDirectory(t: TestContext): string {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'posthorn-test-'))
  cleanUpBehind(t, () => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { TestContext } from 'node:test'

/** An empty directory of the test's own, removed behind it. */
export function tempDirectory(t: TestContext): string {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'posthorn-test-'))
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

import * as path from 'node:path'
import { test } from 'node:test'
import { openEmbeddedEngine } from '../support/embedded-engine.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { engineConformance } from './engine-conformance.ts'
import { allPromises } from './engine-under-test.ts'

engineConformance({
  name: 'embedded engine',
  durability: 'fsync',
  promises: allPromises,
  test,
  concurrency: 4,
  make: (t) => openEmbeddedEngine(t),
})

engineConformance({
  name: 'embedded engine on three log directories',
  durability: 'fsync',
  promises: allPromises,
  test,
  concurrency: 4,
  make: (t) => {
    const base = tempDirectory(t)
    return openEmbeddedEngine(t, { logDirs: ['a', 'b', 'c'].map((name) => path.join(base, name)) })
  },
})

import * as path from 'node:path'
import { openEmbeddedEngine } from '../support/embedded-engine.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { engineConformance } from './engine-conformance.ts'

engineConformance({
  name: 'embedded engine',
  durability: 'fsync',
  make: (t) => openEmbeddedEngine(t),
})

engineConformance({
  name: 'embedded engine on three log directories',
  durability: 'fsync',
  make: (t) => {
    const base = tempDirectory(t)
    return openEmbeddedEngine(t, { logDirs: ['a', 'b', 'c'].map((name) => path.join(base, name)) })
  },
})

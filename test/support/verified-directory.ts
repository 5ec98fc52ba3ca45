import * as fs from 'node:fs'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { EmbeddedEngineOptions } from '../../src/embedded/embedded-engine-options.ts'
import type { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { nodeFileSystem } from '../../src/embedded/node-file-system.ts'
import type { Finding } from '../../src/embedded/verify/finding.ts'
import { damageCount, verifyDirectories, type VerifyReport } from '../../src/embedded/verify/verify-directories.ts'
import { makeTopic } from '../conformance/make-topic.ts'
import { publishClaimed, keyIdentity } from './claimed-requests.ts'
import { openEmbeddedEngine } from './embedded-engine.ts'
import { publish } from './engine-records.ts'
import { tempDirectory } from './temp-directory.ts'

export interface Verified extends VerifyReport {
  readonly told: readonly Finding[]
  readonly damaged: number
}

export async function verified(t: TestContext, ...directories: readonly string[]): Promise<Verified> {
  const told: Finding[] = []
  const report = await verifyDirectories({
    directories,
    fileSystem: nodeFileSystem,
    scratch: tempDirectory(t),
    checksIndex: true,
    tell: (finding) => told.push(finding),
  })
  return { ...report, told, damaged: damageCount(report) }
}

/** Of a server that is doing nothing at the moment: what a kill at this moment leaves. */
export function asKilled(t: TestContext, ...directories: readonly string[]): string[] {
  return directories.map((directory) => {
    const copy = path.join(tempDirectory(t), path.basename(directory))
    fs.cpSync(directory, copy, { recursive: true })
    return copy
  })
}

const small = { 'segment.bytes': '2000', 'index.interval.bytes': '100' }

/** An engine that has written every kind of file: several topics and directories, rolls, compaction, groups, requests. */
export async function variedEngine(
  t: TestContext,
  logDirs: readonly string[],
  options: Partial<EmbeddedEngineOptions> = {},
): Promise<EmbeddedEngine> {
  const engine = await openEmbeddedEngine(t, {
    logDirs,
    cleaning: {
      enabled: true,
      threads: 1,
      backoffMs: 5,
      dedupeBufferBytes: 1024 * 1024,
      loadFactor: 0.9,
      ioBufferBytes: 128 * 1024,
      ioBytesPerSecondMax: Number.MAX_VALUE,
    },
    ...options,
  })
  await makeTopic(engine, 'orders', 4, small)
  await makeTopic(engine, 'prices', 2, { ...small, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' })
  await makeTopic(engine, 'large', 2)
  for (let round = 0; round < 30; round++) {
    const text = (name: string) => `${name} ${round} ${'x'.repeat((round * 37) % 200)}`
    await publish(engine, 'orders', { [round % 4]: [text('one'), text('two')], [(round + 1) % 4]: [text('three')] })
    await publish(engine, 'prices', { [round % 2]: ['a', 'b', 'c'].map(text) })
    const values = new Map([[round % 4, [text('known')]]])
    await publishClaimed(engine, keyIdentity(`key-${round}`, values), values, 'orders')
    await engine.groups.commit('billing', [{ topic: 'orders', partition: round % 4, nextOffset: round }], 'set')
  }
  // Goes to its segment directly.
  await publish(engine, 'large', { 0: ['L'.repeat(700_000)] })
  return engine
}

/** Until compaction and the index have had their turn. */
export async function settled(): Promise<void> {
  await delay(300)
}

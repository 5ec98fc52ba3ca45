import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { systemClock, type Clock } from '../../src/broker/clock.ts'
import { shortestRetentionMs } from '../../src/embedded/cleaning/shortest-retention.ts'
import { EmbeddedEngine } from '../../src/embedded/embedded-engine.ts'
import { resolveTopicConfig } from '../../src/broker/topic-config-definitions.ts'
import { embeddedOptions } from '../support/embedded-engine.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const TEN_YEARS_MS = 3650 * 86_400_000
const later: Clock = { ...systemClock, now: () => systemClock.now() + TEN_YEARS_MS }

test('a start ten years later is told as a trouble at every start, until an operator says that the time is right', async (t) => {
  const logDirs = [tempDirectory(t), tempDirectory(t)]
  const troublesAtStart = async (clock: Clock, accepted = false): Promise<string[]> => {
    const clockJumps = { maxMs: 86_400_000, accepted }
    const engine = await EmbeddedEngine.open(embeddedOptions(t, { logDirs, clock, clockJumps }))
    const troubles = engine.troubles().filter(({ kind }) => kind === 'clock-jump')
    await engine.close()
    return troubles.map(({ detail }) => detail)
  }
  assert.deepEqual(await troublesAtStart(systemClock), [])
  for (let start = 0; start < 2; start++) {
    const [detail = ''] = await troublesAtStart(later)
    assert.match(detail, /87600 h ahead.*nothing is deleted by its age.*clock\.jump\.accept=true/s)
  }
  assert.deepEqual(await troublesAtStart(later, true), [])
  assert.deepEqual(await troublesAtStart(later), [])
})

test('a directory whose clock file is damaged does not keep the server from starting', async (t) => {
  const logDirs = [tempDirectory(t)]
  await (await EmbeddedEngine.open(embeddedOptions(t, { logDirs }))).close()
  fs.writeFileSync(path.join(logDirs[0] ?? '', 'clock'), 'nonsense')
  const engine = await EmbeddedEngine.open(embeddedOptions(t, { logDirs, clock: later }))
  assert.deepEqual(engine.troubles(), [])
  await engine.close()
})

test('the shortest time counts that something is kept for', () => {
  const config = (overrides: Record<string, string>) =>
    resolveTopicConfig(new Map(), new Map(Object.entries(overrides)))
  assert.equal(shortestRetentionMs([]), Infinity)
  assert.equal(shortestRetentionMs([config({ 'retention.ms': '-1' })]), Infinity)
  assert.equal(shortestRetentionMs([config({ 'retention.ms': '5000' }), config({})]), 5000)
  const compacted = config({ 'cleanup.policy': 'compact', 'retention.ms': '1', 'delete.retention.ms': '7000' })
  assert.equal(shortestRetentionMs([compacted, config({})]), 7000)
})

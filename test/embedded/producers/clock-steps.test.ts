import assert from 'node:assert/strict'
import * as path from 'node:path'
import { test } from 'node:test'
import { makeTopic } from '../../conformance/make-topic.ts'
import { keyIdentity, publishClaimed, sequenceIdentity } from '../../support/claimed-requests.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const HOUR_MS = 3_600_000
const NOW_MS = 1_700_000_000_000
const values = new Map([[0, ['once']]])

test('a request is known again though the clock was set back by hours before it came', async (t) => {
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { clock })
  await makeTopic(engine, 'orders')
  clock.jump(-2 * HOUR_MS)
  clock.advance(60_000)
  const first = await publishClaimed(engine, keyIdentity('k', values), values, 'orders')
  const again = await publishClaimed(engine, keyIdentity('k', values), values, 'orders')
  assert.deepEqual(again, first)
})

test('what came while the clock was ahead is not remembered for longer than it is kept', async (t) => {
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { clock })
  await makeTopic(engine, 'orders')
  clock.jump(1000 * HOUR_MS)
  clock.advance(60_000)
  const first = await publishClaimed(engine, keyIdentity('k', values), values, 'orders')
  assert.deepEqual(await publishClaimed(engine, keyIdentity('k', values), values, 'orders'), first)
  clock.advance(HOUR_MS)
  assert.notDeepEqual(await publishClaimed(engine, keyIdentity('k', values), values, 'orders'), first)
})

test('a request that came behind a sleep of days is still known when the clock is believed again', async (t) => {
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { clock })
  await makeTopic(engine, 'orders')
  clock.jump(48 * HOUR_MS)
  clock.advance(60_000)
  await publishClaimed(engine, sequenceIdentity('p', 0, values), values, 'orders')
  clock.advance(HOUR_MS - 60_000)
  const first = await publishClaimed(engine, keyIdentity('k', values), values, 'orders')
  const next = await publishClaimed(engine, sequenceIdentity('p', 1, values), values, 'orders')
  clock.advance(120_000)
  assert.deepEqual(engine.troubles(), [])
  assert.deepEqual(await publishClaimed(engine, keyIdentity('k', values), values, 'orders'), first)
  assert.deepEqual(await publishClaimed(engine, sequenceIdentity('p', 1, values), values, 'orders'), next)
})

test('a request that came in a start with a clock of years ago is known once the clock is right', async (t) => {
  const logDirs = [path.join(tempDirectory(t), 'data')]
  const before = await openEmbeddedEngine(t, { logDirs, clock: new FakeClock(NOW_MS) })
  await makeTopic(before, 'orders')
  await before.close()
  const past = await openEmbeddedEngine(t, { logDirs, clock: new FakeClock(NOW_MS - 20 * 365 * 24 * HOUR_MS) })
  const first = await publishClaimed(past, keyIdentity('k', values), values, 'orders')
  await past.close()
  const right = await openEmbeddedEngine(t, { logDirs, clock: new FakeClock(NOW_MS + 60_000) })
  assert.deepEqual(await publishClaimed(right, keyIdentity('k', values), values, 'orders'), first)
})

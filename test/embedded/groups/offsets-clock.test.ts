import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTopic } from '../../conformance/make-topic.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const DAY_MS = 86_400_000

test('what was committed while the clock was behind is kept its time when the clock is right again', async (t) => {
  const clock = new FakeClock()
  const engine = await openEmbeddedEngine(t, { clock })
  await makeTopic(engine, 'orders')
  clock.jump(-8 * DAY_MS)
  clock.advance(60_000)
  await engine.groups.commit('billing', [{ topic: 'orders', partition: 0, nextOffset: 0 }], 'set')
  clock.jump(8 * DAY_MS)
  for (let checks = 0; checks < 3; checks++) {
    clock.advance(600_000)
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await engine.groups.committed('billing')).length, 1)
})

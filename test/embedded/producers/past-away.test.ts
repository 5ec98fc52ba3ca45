import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { makeTopic } from '../../conformance/make-topic.ts'
import { publishClaimed, sequenceIdentity } from '../../support/claimed-requests.ts'
import { openEmbeddedEngine } from '../../support/embedded-engine.ts'
import { brokerError } from '../../support/engine-records.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

/** More than a producer may have on their way. */
const LATER = 100

test('a producer whose requests may lie in a directory that is away is told to wait, not that it is unknown', async (t) => {
  const base = tempDirectory(t)
  const [home, other] = [path.join(base, 'home'), path.join(base, 'other')]
  const logDirs = [home, other]
  const whole = await openEmbeddedEngine(t, { logDirs })
  await makeTopic(whole, 'orders', 2)
  const here = fs.existsSync(path.join(home, 'orders-0')) ? 0 : 1
  const values = new Map([[here, ['a']]])
  const publish = (engine: typeof whole, producerId: string, sequence: number) =>
    publishClaimed(engine, sequenceIdentity(producerId, sequence, values), values, 'orders')
  await assert.rejects(publish(whole, 'p', LATER), brokerError('UNKNOWN_PRODUCER_ID'))
  await whole.close()
  fs.renameSync(other, `${other}.away`)
  const part = await openEmbeddedEngine(t, { logDirs })
  await assert.rejects(publish(part, 'p', LATER), brokerError('KAFKA_STORAGE_ERROR', { stored: 'unknown' }))
  await publish(part, 'begins', 0)
  await part.close()
  fs.renameSync(`${other}.away`, other)
  const again = await openEmbeddedEngine(t, { logDirs })
  await assert.rejects(publish(again, 'p', LATER), brokerError('UNKNOWN_PRODUCER_ID'))
})

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashServer } from './crash/crash-server.ts'
import { RepeatedRequests } from './crash/repeated-requests.ts'
import { api, type Answer } from './keeping/api.ts'

/*
 * A machine without a clock of its own comes back from a crash in another time, works there, and is set right later: what
 * was published once stays known, and what was committed stays committed, in every one of those times.
 */
const YEAR_MS = 365 * 24 * 3_600_000
const SETTINGS = [
  'journal.file.bytes=8388608',
  'log.dir.reserve.bytes=0',
  'offsets.topic.num.partitions=1',
  'log.retention.check.interval.ms=50',
  'offsets.retention.check.interval.ms=50',
  'producer.id.expiration.check.interval.ms=1000',
]

test('starts behind crashes with a clock 20 years ago, right, and in 20 years', { timeout: 60_000 }, async (t) => {
  const folder = tempDirectory(t)
  const shiftFile = join(folder, 'shift')
  process.env['CLOCK_SHIFT_FILE'] = shiftFile
  cleanUpBehind(t, () => delete process.env['CLOCK_SHIFT_FILE'])
  mkdirSync(join(folder, 'data'))
  const server = await CrashServer.on([join(folder, 'data')], SETTINGS)
  cleanUpBehind(t, () => server.kill9())
  const startAt = async (shiftMs: number): Promise<void> => {
    await server.kill9()
    writeFileSync(shiftFile, String(shiftMs))
    await server.start({ fault: ['--import', './test/lanes/crash/stops/shifted-clock.ts'] })
  }
  const call = (method: string, path: string, body?: unknown): Promise<Answer> => api(server.url, method, path, body)
  const commit = async (nextOffset: number): Promise<void> => {
    const { status, text } = await call('POST', '/consumer-groups/billing/offsets', {
      offsets: [{ topic: 'orders', partition: 0, nextOffset }],
    })
    assert.equal(status, 200, text)
  }
  const requests = new RepeatedRequests(() => server.url, 'orders')
  const assertKept = async (nextOffset: number, what: string): Promise<void> => {
    await sleep(300)
    for (const request of requests.all) await requests.sendUntilStored(request)
    await requests.audit([0, 1])
    const { text, body } = await call('GET', '/consumer-groups/billing/offsets')
    assert.equal(body.items?.[0]?.nextOffset, nextOffset, `${what}: ${text}`)
  }

  await startAt(0)
  await call('PUT', '/topics/orders', { partitions: 2, configs: { 'retention.ms': -1 } })
  const publish = async (): Promise<void> => {
    for (const producer of ['one', undefined]) await requests.sendUntilStored(requests.next(producer, [0, 1]))
  }
  let committed = 0
  for (const [what, shiftMs] of [
    ['now', 0],
    ['20 years ago', -20 * YEAR_MS],
    ['now again', 0],
    ['in 20 years', 20 * YEAR_MS],
    ['now at last', 0],
  ] as const) {
    await startAt(shiftMs)
    if (committed > 0) await assertKept(committed, what)
    await publish()
    await commit(++committed)
    await assertKept(committed, what)
  }
})

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mulberry32 } from '../support/mulberry32.ts'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { accountOf } from './groups/account.ts'
import { DroppingProxy } from './groups/dropping-proxy.ts'
import { readJournals } from './groups/journal.ts'
import { LiveGroup } from './groups/live-group.ts'
import { RestartableServer } from './groups/restartable-server.ts'

const PARTITIONS = 12
const RECORDS = 6000
const settings = ['group.consumer.heartbeat.interval.ms=300', 'group.consumer.min.heartbeat.interval.ms=100']

test(
  'two members behind a proxy that loses replies and repeats GETs get every record',
  { timeout: 90_000 },
  async (t) => {
    const folder = tempDirectory(t)
    const journals = join(folder, 'journals')
    for (const name of ['data', 'journals']) mkdirSync(join(folder, name))
    const server = await RestartableServer.start(join(folder, 'data'), 18_782, settings)
    cleanUpBehind(t, () => server.stop())
    const proxy = await DroppingProxy.start(server.url, mulberry32(7))
    cleanUpBehind(t, () => proxy.stop())
    const maxPollIntervalMs = 300_000
    const group = new LiveGroup({ server, journals, maxPollIntervalMs, memberUrl: proxy.url, waitMs: 300, workMs: 10 })
    cleanUpBehind(t, () => group.endAll())
    await group.createTopic(PARTITIONS)
    const publishing = group.publish(RECORDS, 6000, 20)
    for (let member = 0; member < 2; member++) group.join()
    await group.until('two members', 20_000, async () => {
      const { state, members } = await group.describe().catch(() => ({ state: '', members: [] }))
      return members.length === 2 && state === 'Stable'
    })
    const before = await group.describe()
    await publishing
    await group.until('everything committed', 30_000, async () => (await group.lag()) === 0)
    const after = await group.describe()
    const shares = (view: typeof before): unknown =>
      view.members.map(({ memberId, assignment }) => [memberId, assignment])
    assert.deepEqual(shares(after), shares(before), 'a repeated request moved partitions')
    await group.leaveAll()
    const { violations, ...figures } = accountOf(readJournals(journals), await group.logEnds(PARTITIONS))
    t.diagnostic(JSON.stringify({ ...figures, ...proxy.counts }))
    assert.deepEqual(violations, [])
    assert.equal(figures.delivered, RECORDS)
    assert.equal(figures.lostMemberships, 0)
    assert.ok(proxy.counts.repeated > 5 && proxy.counts.dropped > 5, 'the proxy did hardly anything')
  },
)

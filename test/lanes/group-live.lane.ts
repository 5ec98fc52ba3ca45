import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { accountOf } from './groups/account.ts'
import { readJournals } from './groups/journal.ts'
import { type GroupView, LiveGroup } from './groups/live-group.ts'
import { RestartableServer } from './groups/restartable-server.ts'

/*
 * Eight members as processes of their own, over a topic that is published to all the while: they come and go, stop, stall,
 * hang and are killed, and so is the server. What each was told and got is written down, and held against what a user
 * may expect at the end.
 *
 *   npm run test:groups                  about 45 s
 *   LIVE_GROUP=long npm run test:groups  200,000 records and five crashes of the server, about 3 minutes
 */
const long = process.env['LIVE_GROUP'] === 'long'
const SESSION_TIMEOUT_MS = 3000
const MAX_POLL_INTERVAL_MS = 6000
const PARTITIONS = 64
const MORE_PARTITIONS = 72
const size = long
  ? { records: 200_000, publishingMs: 135_000, rounds: 5 }
  : { records: 40_000, publishingMs: 27_000, rounds: 1 }

const settings = [
  `group.consumer.session.timeout.ms=${SESSION_TIMEOUT_MS}`,
  'group.consumer.min.session.timeout.ms=1000',
  'group.consumer.heartbeat.interval.ms=500',
  'group.consumer.min.heartbeat.interval.ms=100',
]

async function startGroup(
  t: TestContext,
): Promise<{ readonly server: RestartableServer; readonly group: LiveGroup; readonly journals: string }> {
  const folder = tempDirectory(t)
  const journals = join(folder, 'journals')
  for (const name of ['data', 'journals']) mkdirSync(join(folder, name))
  const server = await RestartableServer.start(join(folder, 'data'), 18_781, settings)
  cleanUpBehind(t, () => server.stop())
  const group = new LiveGroup({ server, journals, maxPollIntervalMs: MAX_POLL_INTERVAL_MS })
  cleanUpBehind(t, () => group.endAll())
  await group.createTopic(PARTITIONS)
  return { server, group, journals }
}

/** All that can happen to members, one after the other, about 28 s. Some things happen while others still go on. */
async function trouble(server: RestartableServer, group: LiveGroup, round: number): Promise<void> {
  const steady = group.join()
  const stalling = group.join()
  await sleep(1500)
  await server.crashAndStart()
  const stalled = group.stall(stalling, SESSION_TIMEOUT_MS + 2500)
  await group.leave(steady)
  const returning = group.join({ memberId: `returning-${round}` })
  const taken = group.join({ memberId: `first-${round}`, instanceId: `instance-${round}` })
  await stalled
  await sleep(1000)
  const stopped = group.stop(stalling, SESSION_TIMEOUT_MS + 2500)
  await group.kill9(returning)
  const returned = group.join({ memberId: `returning-${round}` })
  await sleep(1500)
  await group.kill9(taken)
  const successor = group.join({ memberId: `second-${round}`, instanceId: `instance-${round}` })
  await stopped
  returned.misbehave('hang')
  const brief = group.join()
  await sleep(2000)
  if (round === 0) await group.raisePartitions(MORE_PARTITIONS)
  await group.kill9(brief)
  await sleep(MAX_POLL_INTERVAL_MS + SESSION_TIMEOUT_MS)
  for (const member of [stalling, returned, successor]) await group.leave(member)
}

function epochs({ members }: GroupView): readonly (readonly [string, number, string])[] {
  return members.map(({ memberId, memberEpoch, assignment }) => [memberId, memberEpoch, JSON.stringify(assignment)])
}

/** Nobody comes or goes, so nobody may notice but by waiting. */
async function crashInPeace(server: RestartableServer, group: LiveGroup): Promise<void> {
  const settled = async (): Promise<boolean> => {
    const { state, members } = await group.describe()
    return state === 'Stable' && members.length === group.members.length && (await group.lag()) === 0
  }
  await group.until('a stable group that has read all', 60_000, settled)
  const before = epochs(await group.describe())
  await server.crashAndStart()
  await sleep(1000)
  assert.deepEqual(epochs(await group.describe()), before, 'a restart of the server moved members')
}

test(
  'every record reaches a member, and no partition two, whatever members and server do',
  { timeout: long ? 600_000 : 120_000 },
  async (t) => {
    const { server, group, journals } = await startGroup(t)
    for (let member = 0; member < 6; member++) group.join()
    const publishing = group.publish(size.records, size.publishingMs, 100)
    const watching = new AbortController()
    const watch = (async () => {
      while (!watching.signal.aborted) {
        await group.lag()
        await sleep(250)
      }
    })()
    for (let round = 0; round < size.rounds - 1; round++) await trouble(server, group, round)
    await trouble(server, group, size.rounds - 1)
    assert.equal(await publishing, size.records)
    await crashInPeace(server, group)
    watching.abort()
    await watch
    await group.leaveAll()
    const account = accountOf(readJournals(journals), await group.logEnds(MORE_PARTITIONS))
    const { violations, ...figures } = account
    t.diagnostic(JSON.stringify(figures))
    assert.deepEqual(violations.slice(0, 20), [], `${violations.length} violations`)
    assert.ok(figures.delivered >= size.records)
    assert.ok(figures.refusedCommits > 0, 'no member committed after its session')
    assert.ok(figures.refusedPartitions > 0, 'nobody committed what it had let go of')
    assert.ok(figures.lostMemberships >= 2 * size.rounds, 'hardly a membership was lost')
  },
)

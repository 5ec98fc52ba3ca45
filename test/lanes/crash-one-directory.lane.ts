import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { jsonCall } from './crash/http-call.ts'
import { failCalls, missingForFailingCalls } from './crash/io-errors/failing-calls.ts'
import { type RepeatedAnswer, RepeatedRequests } from './crash/repeated-requests.ts'
import { skipUnless } from './crash/scale.ts'
import { troublesOf } from './crash/troubles.ts'
import { TwoDirectories } from './crash/two-directories.ts'

/*
 * One of two log directories fails under requests that say who they are and have records in both. What they are told is
 * true, the other directory goes on, and behind a restart a repeat completes each of them: every record is there once.
 */
const skip = skipUnless(missingForFailingCalls())
const TOPIC = 'orders'
const PRODUCERS = ['one', 'two', undefined, undefined]
/** Goes past the journal. */
const LARGE_BYTES = 90_000

interface Lane {
  readonly directories: TwoDirectories
  readonly requests: RepeatedRequests
  readonly failing: string
  readonly on: { readonly failing: readonly number[]; readonly sound: readonly number[] }
}

async function startLane(t: TestContext, failing: 'a' | 'b'): Promise<Lane> {
  const directories = await TwoDirectories.make(t, ['journal.direct.min.bytes=65536'])
  const requests = new RepeatedRequests(() => directories.server?.url ?? '', TOPIC)
  const on = {
    failing: await directories.partitionsOn(failing),
    sound: await directories.partitionsOn(failing === 'a' ? 'b' : 'a'),
  }
  assert.ok(on.failing.length > 0 && on.sound.length > 0)
  return { directories, requests, failing: directories.path(failing), on }
}

function allPartitions({ on }: Lane): number[] {
  return [...on.failing, ...on.sound].sort((one, other) => one - other)
}

/** The first of each client, that nobody doubts. */
async function sendFirst(lane: Lane): Promise<void> {
  for (const producer of PRODUCERS) {
    await lane.requests.sendUntilStored(lane.requests.next(producer, allPartitions(lane)))
  }
}

/** Side by side. Each is sent twice: what it is told then is no other. */
async function sendWhileFailing(lane: Lane, valueBytes?: number): Promise<RepeatedAnswer[]> {
  const { requests } = lane
  const sent = PRODUCERS.map((producer) => requests.next(producer, allPartitions(lane), valueBytes))
  const first = await Promise.all(sent.map((request) => requests.send(request)))
  const again = await Promise.all(sent.map((request) => requests.send(request)))
  return [...first, ...again]
}

/** What was told to have no place lies on the directory that failed; the rest was stored, and can be read. */
async function assertTrue(lane: Lane, answers: readonly RepeatedAnswer[]): Promise<void> {
  for (const { status, code, stored, without } of answers) {
    const what = JSON.stringify({ status, code, stored, without })
    assert.deepEqual([status, code], [503, 'KAFKA_STORAGE_ERROR'], what)
    assert.equal(stored, 'partial', what)
    assert.deepEqual(new Set(without), new Set(lane.on.failing), what)
  }
  await lane.requests.audit(lane.on.sound)
}

/** With an identity and without one. */
async function assertSoundGoesOn({ directories, requests, on }: Lane): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await requests.sendUntilStored(requests.next('sound', on.sound))
    for (const partition of on.sound) assert.equal((await directories.publisher.publish(partition, 2)).status, 200)
  }
  await requests.audit(on.sound)
}

async function assertCompleted(lane: Lane): Promise<void> {
  const { directories, requests } = lane
  assert.ok(directories.server)
  assert.deepEqual(await troublesOf(directories.server), [])
  for (const request of requests.all) await requests.sendUntilStored(request)
  for (const request of requests.all) await requests.sendUntilStored(request)
  await requests.audit(allPartitions(lane))
  await sendFirst(lane)
  await requests.audit(allPartitions(lane))
}

const faults = {
  'its journal cannot be written': { calls: 'pwrite64,pwritev', files: ['journal-0', 'journal-1'] },
  'nothing of it can be synced': { calls: 'fdatasync,fsync', files: ['journal-0', 'journal-1', 'segments'] },
  'nothing of it can be written': { calls: 'pwrite64,pwritev', files: ['journal-0', 'journal-1', 'segments'] },
} as const

function pathsOf({ failing, on }: Lane, files: readonly string[]): string[] {
  return files.flatMap((name) => {
    if (name !== 'segments') return [join(failing, name)]
    return on.failing.map((partition) => join(failing, `${TOPIC}-${partition}`, `${'0'.repeat(20)}.log`))
  })
}

describe('one of two log directories fails', { skip }, () => {
  for (const [what, { calls, files }] of Object.entries(faults)) {
    for (const failing of ['a', 'b'] as const) {
      test(`${failing}: ${what}`, async (t) => {
        const lane = await startLane(t, failing)
        const { directories, on } = lane
        assert.ok(directories.server)
        await sendFirst(lane)
        const paths = pathsOf(lane, files)
        const heal = await failCalls(directories.server.pid, { calls, error: 'EIO', paths })
        // Small requests are synced by the write itself: only large ones meet a sync that fails.
        const answers = await sendWhileFailing(lane, calls.includes('sync') ? LARGE_BYTES : undefined)
        await heal()
        await assertTrue(lane, answers)
        await assertSoundGoesOn(lane)
        const said = await troublesOf(directories.server)
        assert.match(said.join('\n'), new RegExp(`log-dir-poisoned: ${lane.failing} `), said.join('\n'))
        const [partition = 0] = on.failing
        const read = await jsonCall(
          'GET',
          `${directories.server.url}/topics/${TOPIC}/partitions/${partition}/records?offset=0`,
        )
        assert.equal(read?.status, 200, read?.text)
        await directories.start('a', 'b')
        await assertCompleted(lane)
      })
    }
  }

  test('and the server is killed while the answers are on their way', async (t) => {
    const lane = await startLane(t, 'b')
    const { directories, requests } = lane
    assert.ok(directories.server)
    await sendFirst(lane)
    const paths = pathsOf(lane, ['journal-0', 'journal-1'])
    await failCalls(directories.server.pid, { calls: 'pwrite64,pwritev', error: 'EIO', paths })
    const sent = PRODUCERS.map((producer) => requests.next(producer, allPartitions(lane)))
    const answers = sent.map((request) => requests.send(request))
    await Promise.race(answers)
    await directories.server.kill9()
    await Promise.all(answers)
    await directories.start('a', 'b')
    await assertCompleted(lane)
  })
})

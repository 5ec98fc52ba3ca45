import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashServer } from './crash/crash-server.ts'
import { jsonCall } from './crash/http-call.ts'
import { failCalls, missingForFailingCalls } from './crash/io-errors/failing-calls.ts'
import { OnePublisher } from './crash/one-publisher.ts'
import { skipUnless } from './crash/scale.ts'
import type { FaultResult } from './crash/simulation/fault-worker.ts'
import { OPERATIONS } from './crash/simulation/operations.ts'
import { runFaulted } from './crash/simulation/fault-run.ts'
import { resultsOf } from './crash/simulation/seed-runner.ts'

/**
 * Every call to the disk that an operation makes fails once, with EIO and with ENOSPC: answers are true, what is
 * acknowledged is there after a restart, nobody waits for ever, the directory that was hit is taken out of use or heals,
 * and the other one goes on.
 */

/** `CRASH_OPERATION=append CRASH_NTH=3` runs one again. */
const only = process.env['CRASH_OPERATION']
const onlyNth = process.env['CRASH_NTH'] === undefined ? undefined : Number(process.env['CRASH_NTH'])
/** The longest first, so that two workers end at about the same time. */
const operations = ['recovery', 'clean stop', ...[...OPERATIONS.keys()].filter((name) => name !== 'clean stop')]
/** Fewer, and an operation does no longer what it is here for. */
const CALLS_MIN = 400

/** No operation makes so many calls: nothing fails, and the power is cut behind it. */
const BEHIND_ALL_CALLS = 3002

async function runAll(): Promise<FaultResult[]> {
  const chosen = operations.filter((name) => only === undefined || name === only)
  const workers = Math.max(1, Math.min(chosen.length, availableParallelism()))
  const shares = Array.from({ length: workers }, (_, worker) => chosen.filter((_name, at) => at % workers === worker))
  const results = await Promise.all(
    shares.map((share) => resultsOf<FaultResult>('./fault-worker.ts', { operations: share, onlyNth })),
  )
  return results.flat()
}

test('each call of each operation fails once: answers are true, nothing acknowledged is lost, and it goes on', async (t) => {
  const began = performance.now()
  const results = await runAll()
  let calls = 0
  for (const result of results) {
    calls += result.calls
    t.diagnostic(
      `${result.operation}, ${result.code}: ${result.calls} calls, ${result.failures.length} promises broken`,
    )
    for (const { nth, failure } of result.failures.slice(0, 3)) {
      t.diagnostic(`call ${nth}: ${failure}`)
      t.diagnostic(
        `again: CRASH_OPERATION='${result.operation}' CRASH_NTH=${nth} npm run test:crash -- --lane io-errors`,
      )
    }
  }
  t.diagnostic(`${calls} failed calls in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  assert.deepEqual(
    results.filter(({ failures }) => failures.length > 0).map(({ operation, code }) => `${operation}, ${code}`),
    [],
  )
  assert.ok(only !== undefined || calls >= CALLS_MIN, `only ${calls} calls failed`)
})

test('the lane bites: an append that was not synced is missed after the restart', async () => {
  const append = OPERATIONS.get('append')
  assert.ok(append)
  await runFaulted(append, 'EIO', BEHIND_ALL_CALLS)
  await assert.rejects(runFaulted(append, 'EIO', BEHIND_ALL_CALLS, true), /is lost/)
})

const skip = skipUnless(missingForFailingCalls())
const WRITES = 'write,pwrite64,writev,pwritev,pwritev2'

interface RealServer {
  readonly server: CrashServer
  readonly publisher: OnePublisher
  readonly directory: string
}

/** A real server with some records; killed behind `work`, started again, and held to what it has acknowledged. */
async function withServer(t: TestContext, work: (real: RealServer) => Promise<void>): Promise<void> {
  const directory = path.join(tempDirectory(t), 'data')
  const server = await CrashServer.on([directory], [])
  await server.start()
  cleanUpBehind(t, () => server.kill9())
  const publisher = new OnePublisher(() => server.url, 2)
  await publisher.createTopic()
  await publisher.fill(3)
  await work({ server, publisher, directory })
  await server.kill9()
  await server.start()
  await publisher.audit('kill')
  await publisher.fill(1)
}

async function failing<T>(
  real: RealServer,
  names: readonly string[],
  calls: string,
  work: () => Promise<T>,
): Promise<T> {
  const paths = names.map((name) => path.join(real.directory, name))
  const heal = await failCalls(real.server.pid, { calls, error: 'EIO', paths })
  try {
    return await work()
  } finally {
    await heal()
  }
}

test(
  'a real server whose journal cannot be written says what is stored, and takes nothing more',
  { skip },
  async (t) => {
    await withServer(t, async (real) => {
      const outcomes = await failing(real, ['journal-0', 'journal-1'], WRITES, async () => {
        return [await real.publisher.publish(0, 3), await real.publisher.publish(1, 1)]
      })
      assert.deepEqual(
        outcomes.map(({ status, code, stored }) => `${status} ${code} ${stored}`),
        ['503 KAFKA_STORAGE_ERROR unknown', '503 KAFKA_STORAGE_ERROR no'],
      )
      assert.equal((await real.publisher.publish(0, 1)).status, 503, 'a disk that failed is not trusted again')
    })
  },
)

test('a real server whose segments cannot be written stops taking records, and loses none', { skip }, async (t) => {
  await withServer(t, async (real) => {
    const segments = ['orders-0', 'orders-1'].map((partition) => `${partition}/00000000000000000000.log`)
    const refused = await failing(real, segments, WRITES, async () => {
      for (let tries = 0; tries < 200; tries++) {
        const { status, code } = await real.publisher.publish(tries % 2, 2)
        if (status !== 200) return code
      }
      return undefined
    })
    assert.equal(refused, 'KAFKA_STORAGE_ERROR')
  })
})

test('a real server whose catalogue cannot be written makes no topics, and goes on publishing', { skip }, async (t) => {
  await withServer(t, async (real) => {
    await failing(real, ['catalogue.db', 'catalogue.db-wal'], WRITES, async () => {
      const made = await jsonCall('PUT', `${real.server.url}/topics/late`, { partitions: 1 })
      assert.equal(made?.status, 503, made?.text)
      assert.equal((await real.publisher.publish(0, 1)).status, 200)
    })
  })
})

test('a real server whose index cannot be written goes on publishing and reading', { skip }, async (t) => {
  await withServer(t, async (real) => {
    await failing(real, ['index.db', 'index.db-wal'], WRITES, async () => {
      await real.publisher.fill(20)
      await real.publisher.audit('kill')
    })
  })
})

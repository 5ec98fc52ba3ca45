import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashServer } from './crash/crash-server.ts'
import { jsonCall } from './crash/http-call.ts'
import { missingForPowerCuts } from './crash/loop-disk.ts'
import { OnePublisher, type Outcome } from './crash/one-publisher.ts'
import { limit, RefusingDisk } from './crash/refusing-disk.ts'
import { skipUnless } from './crash/scale.ts'
import { troublesOf } from './crash/troubles.ts'

/*
 * A machine that refuses writes for other reasons than a full disk: a file system that has gone read-only, that has no
 * inode left, a limit of file sizes, a limit of open files. Answers are true, reads go on, and once the reason is gone
 * nothing that was acknowledged is missing.
 */
const MIB = 1024 * 1024
const PARTITIONS = 2
const settings = ['journal.file.bytes=8388608', 'log.dir.reserve.bytes=0', 'log.dir.free.min.bytes=0']
const skipMounts = skipUnless(missingForPowerCuts())
const skipLimits = skipUnless(process.platform === 'linux' ? undefined : 'limits of a running process need Linux')

interface Real {
  readonly server: CrashServer
  readonly publisher: OnePublisher
}

/** @param prepare behind the creation of the topic, before anything is published */
async function startOn(t: TestContext, logDir: string, more: readonly string[] = []): Promise<Real> {
  mkdirSync(logDir)
  const server = await CrashServer.on([logDir], [...settings, ...more])
  cleanUpBehind(t, () => server.kill9())
  await server.start()
  const publisher = new OnePublisher(() => server.url, PARTITIONS)
  await publisher.createTopic()
  await jsonCall('PATCH', `${server.url}/topics/orders`, { configs: { 'segment.bytes': MIB } })
  await publisher.fill(3)
  return { server, publisher }
}

/** Until one is refused. */
async function publishUntilRefused({ publisher }: Real, records: number, tries: number): Promise<Outcome> {
  for (let turn = 0; turn < tries; turn++) {
    const outcome = await publisher.publish(turn % PARTITIONS, records)
    if (outcome.status !== 200) return outcome
  }
  return assert.fail(`${tries} requests were stored, and none was refused`)
}

/** The next to be given out. */
function firstFreeDescriptor(pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let free = 0
  while (open.has(free)) free++
  return free
}

async function assertReads({ server }: Real): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const path = `${server.url}/topics/orders/partitions/${partition}/records?offset=0&maxRecords=1`
    const reply = await jsonCall('GET', path)
    assert.equal(reply?.status, 200, reply?.text)
  }
}

test(
  'a file system that goes read-only under load, a start on it, and mounted again',
  { skip: skipMounts },
  async (t) => {
    const disk = await RefusingDisk.make(t, { sizeMib: 128 })
    const real = await startOn(t, join(disk.path, 'data'))
    const { server, publisher } = real
    const refused = publishUntilRefused(real, 20, 20_000)
    await sleep(200)
    disk.goReadOnly()
    const { status, code, stored } = await refused
    assert.deepEqual([status, code], [503, 'KAFKA_STORAGE_ERROR'])
    assert.ok(stored === 'no' || stored === 'unknown', `stored: ${stored}`)
    await assertReads(real)
    assert.ok((await troublesOf(server)).length > 0)
    const offsets = [{ topic: 'orders', partition: 0, nextOffset: 1 }]
    for (const [method, path, body] of [
      ['PUT', '/topics/late', { partitions: 1 }],
      ['POST', '/consumer-groups/late/offsets', { offsets }],
      ['DELETE', '/topics/orders/partitions/0/records?beforeOffset=1', undefined],
    ] as const) {
      const reply = await jsonCall(method, `${server.url}${path}`, body)
      assert.equal(reply?.status, 503, `${method} ${path}: ${reply?.text}`)
    }
    await server.kill9()
    await disk.unmount()

    // Its journal is replayed first: nothing else may write.
    await disk.mount()
    await disk.unmount()
    await disk.mount('ro')
    await server.start().then(
      async () =>
        assert.ok((await troublesOf(server)).length > 0, 'it starts on a disk that is read-only, and says nothing'),
      (error: unknown) => assert.match(String(error), /EROFS|read-only/i),
    )
    await server.kill9()
    await disk.unmount()

    await disk.mount()
    await server.start()
    assert.deepEqual(await troublesOf(server), [])
    await publisher.audit('power cut')
    await publisher.fill(2)
    await publisher.audit('power cut')
  },
)

describe('no inode is left', { skip: skipMounts }, () => {
  const cases = {
    'a topic is deleted': async ({ server }: Real) => jsonCall('DELETE', `${server.url}/topics/passing`),
    'records are deleted': async ({ server, publisher }: Real) => {
      const ends = publisher.history.rules.partitions
      for (let partition = 0; partition < ends; partition++) {
        const path = `${server.url}/topics/passing/partitions/${partition}`
        const { highWatermark } = JSON.parse((await jsonCall('GET', path))?.text ?? '') as { highWatermark: number }
        await jsonCall('DELETE', `${path}/records?beforeOffset=${highWatermark}`)
      }
      return undefined
    },
  }
  for (const [what, free] of Object.entries(cases)) {
    test(`rolls are refused, reads and a start go on; ${what}, and it goes on`, async (t) => {
      const disk = await RefusingDisk.make(t, { sizeMib: 128, inodes: 64 })
      const more = [
        'log.retention.check.interval.ms=200',
        'offsets.topic.num.partitions=1',
        'log.dir.reserve.bytes=65536',
      ]
      const real = await startOn(t, join(disk.path, 'data'), more)
      const { server, publisher } = real
      const passing = { partitions: PARTITIONS, configs: { 'segment.bytes': MIB, 'file.delete.delay.ms': 50 } }
      await jsonCall('PUT', `${server.url}/topics/passing`, passing)
      const records = Array.from({ length: 9 }, (_, index) => ({ value: 'x'.repeat(100_000), partition: index % 2 }))
      let last = await jsonCall('POST', `${server.url}/topics/passing/records`, { records })
      for (let turn = 0; turn < 200 && last?.status === 200; turn++) {
        last = await jsonCall('POST', `${server.url}/topics/passing/records`, { records })
      }
      const said = JSON.parse(last?.text ?? '') as { code: string; stored: string }
      assert.deepEqual([last?.status, said.code, said.stored], [503, 'KAFKA_STORAGE_ERROR', 'no'], last?.text)
      await assertReads(real)
      await server.kill9()
      await server.start()
      await assertReads(real)
      await free(real)
      for (let tries = 0; (await publisher.publish(0, 1)).status !== 200; tries++) {
        assert.ok(tries < 100, `publishing does not go on: ${(await troublesOf(server)).join()}`)
        await sleep(50)
      }
      const kept = await jsonCall('GET', `${server.url}/topics/passing/partitions/0`)
      if (what === 'a topic is deleted') assert.equal(kept?.status, 404, kept?.text)
      await publisher.fill(30)
      await publisher.audit('kill')
    })
  }
})

describe('limits of the process', { skip: skipLimits }, () => {
  test('no file may grow any more: answers are true, and a start without the limit has everything', async (t) => {
    const logDir = join(tempDirectory(t), 'data')
    const real = await startOn(t, logDir)
    const { server, publisher } = real
    limit(server.pid, 'fsize', 200_000)
    const { status, code, stored } = await publishUntilRefused(real, 40, 200)
    assert.deepEqual([status, code], [503, 'KAFKA_STORAGE_ERROR'])
    assert.ok(stored === 'no' || stored === 'unknown', `stored: ${stored}`)
    await assertReads(real)
    await server.kill9()
    const before = readdirSync(join(logDir, 'orders-0'))
    const few = ['sh', '-c', 'ulimit -f 100; exec "$@"', 'sh']
    await server.start({ tracer: few }).then(
      async () => assert.ok((await troublesOf(server)).length > 0, 'it starts where it cannot write, and says nothing'),
      () => undefined,
    )
    await server.kill9()
    for (const name of before) assert.ok(readdirSync(join(logDir, 'orders-0')).includes(name), `${name} is gone`)
    await server.start()
    await publisher.audit('kill')
    await publisher.fill(2)
    await publisher.audit('kill')
  })

  test('no file can be opened any more while segments roll and journals change; once it can, it goes on', async (t) => {
    const logDir = join(tempDirectory(t), 'data')
    const real = await startOn(t, logDir)
    const { server, publisher } = real
    for (let turn = 0; turn < 3; turn++) {
      limit(server.pid, 'nofile', firstFreeDescriptor(server.pid))
      let refused = 0
      for (let tries = 0; tries < 60; tries++) {
        const { status, stored } = await publisher.publish(tries % PARTITIONS, 200)
        if (status === 200) continue
        assert.deepEqual([status, stored], [503, 'no'])
        refused++
      }
      limit(server.pid, 'nofile', 4096)
      t.diagnostic(`${refused} of 60 requests refused; ${(await troublesOf(server)).join()}`)
      for (let tries = 0; (await publisher.publish(turn % PARTITIONS, 1)).status !== 200; tries++) {
        assert.ok(tries < 60, `publishing does not go on: ${(await troublesOf(server)).join()}`)
        await sleep(50)
      }
    }
    await publisher.fill(3)
    assert.deepEqual(await troublesOf(server), [])
    await publisher.audit('kill')
    await server.kill9()
    await server.start()
    await publisher.audit('kill')
  })
})

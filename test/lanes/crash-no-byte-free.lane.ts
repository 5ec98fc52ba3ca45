import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUpBehind } from '../support/temp-directory.ts'
import { CrashServer } from './crash/crash-server.ts'
import { missingForSmallDisks, SmallDisk } from './crash/full-disk/small-disk.ts'
import { RepeatedRequests } from './crash/repeated-requests.ts'
import { skipUnless } from './crash/scale.ts'
import { troublesOf } from './crash/troubles.ts'
import { api, type Answer } from './keeping/api.ts'

/*
 * A disk on which somebody else has taken the last byte: what frees space needs none, or only what was held back for it;
 * and where that is gone as well, what cannot be done is refused, is told, and changes nothing.
 */
const MIB = 1024 * 1024
const DISK_MIB = 64
const STRANGER = 'stranger'
const skip = skipUnless(missingForSmallDisks())

class BareDisk {
  readonly disk: SmallDisk
  readonly server: CrashServer
  readonly requests: RepeatedRequests

  private constructor(disk: SmallDisk, server: CrashServer) {
    this.disk = disk
    this.server = server
    this.requests = new RepeatedRequests(() => server.url, 'orders')
  }

  static async start(t: TestContext): Promise<BareDisk> {
    const disk = SmallDisk.mount(t, DISK_MIB)
    const server = await CrashServer.on(
      [`${disk.path}/data`],
      [
        'journal.file.bytes=8388608',
        'log.dir.reserve.bytes=4194304',
        'log.retention.check.interval.ms=200',
        'log.cleaner.backoff.ms=200',
        'log.cleaner.dedupe.buffer.size=4194304',
        'offsets.topic.num.partitions=1',
      ],
    )
    cleanUpBehind(t, () => server.kill9())
    await server.start()
    return new BareDisk(disk, server)
  }

  call(method: string, path: string, body?: unknown): Promise<Answer> {
    return api(this.server.url, method, path, body)
  }

  async ask(method: string, path: string, body?: unknown): Promise<Answer['body']> {
    const answer = await this.call(method, path, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  async makeTopic(configs: Record<string, string | number>): Promise<void> {
    const common = { 'segment.bytes': MIB, 'file.delete.delay.ms': 50 }
    await this.ask('PUT', '/topics/orders', { partitions: 1, configs: { ...common, ...configs } })
  }

  /** What is known of these requests waits for a checkpoint to be written down. */
  async publish(requests: number): Promise<void> {
    for (let sent = 0; sent < requests; sent++) {
      await this.requests.sendUntilStored(this.requests.next(undefined, [0], 100_000))
    }
    await this.until('all is in the segments', 5000, async () => {
      return /^posthorn_pending_bytes\{[^}]*\} 0$/m.test((await api(this.server.url, 'GET', '/metrics')).text)
    })
  }

  /** @param withReserve whether what the server held back is gone too */
  takeAll(withReserve: boolean): void {
    if (withReserve) rmSync(join(this.disk.path, 'data', '.reserve'))
    this.disk.fill(STRANGER)
    assert.equal(this.disk.freeBytes, 0)
  }

  async until(what: string, forMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
    const from = performance.now()
    while (!(await holds())) {
      const seen = this.server.output.slice(-4).join('\n')
      assert.ok(performance.now() - from < forMs, `waited ${forMs} ms in vain: ${what}\n${seen}`)
      await sleep(30)
    }
  }

  publishOne(): Promise<Answer> {
    return this.call('POST', '/topics/orders/records', { records: [{ value: 'one', partition: 0, key: 'k' }] })
  }

  /** Refused, and it says so. */
  async assertRefused(method: string, path: string, body?: unknown): Promise<void> {
    const { status, text, body: said, headers } = await this.call(method, path, body)
    assert.deepEqual([status, said.code, said.stored], [503, 'KAFKA_STORAGE_ERROR', 'no'], `${method} ${path}: ${text}`)
    assert.ok(Number(headers.get('retry-after')) > 0, `${method} ${path}: no Retry-After`)
  }

  /** Space is measured once a second: what comes before that may still be taken. */
  async assertSaysFull(): Promise<void> {
    await this.until('publishing is refused', 3000, async () => (await this.publishOne()).status === 503)
    await this.assertRefused('POST', '/topics/orders/records', { records: [{ value: 'one', key: 'k' }] })
    await this.until('health says so', 3000, async () => /disk-full/.test((await troublesOf(this.server)).join()))
  }

  async assertResumes(): Promise<void> {
    await this.until('publishing goes on', 6000, async () => (await this.publishOne()).status === 200)
  }
}

describe('not a byte is free', { skip }, () => {
  test('retention frees space, by age', async (t) => {
    const bare = await BareDisk.start(t)
    await bare.makeTopic({ 'retention.ms': 2500 })
    await bare.publish(80)
    bare.takeAll(false)
    await bare.until('retention has made room', 8000, () => bare.disk.freeBytes > 3 * MIB)
    bare.disk.remove(STRANGER)
    await bare.assertResumes()
  })

  for (const [what, path] of [
    ['records are deleted', '/topics/orders/partitions/0/records?beforeOffset=60'],
    ['a topic is deleted', '/topics/orders'],
  ] as const) {
    test(`${what}, which frees space`, async (t) => {
      const bare = await BareDisk.start(t)
      await bare.makeTopic({})
      await bare.publish(80)
      bare.takeAll(false)
      await bare.assertSaysFull()
      await bare.ask('DELETE', path)
      await bare.until('there is room again', 8000, () => bare.disk.freeBytes > 4 * MIB)
    })
  }

  test('nor is what was held back: what cannot be done is refused and told, and a kill changes nothing', async (t) => {
    const bare = await BareDisk.start(t)
    await bare.makeTopic({})
    await bare.publish(80)
    bare.takeAll(true)
    await bare.assertSaysFull()
    const offsets = [{ topic: 'orders', partition: 0, nextOffset: 7 }]
    await bare.assertRefused('POST', '/consumer-groups/billing/offsets', { offsets })
    const deletion = await bare.call('DELETE', '/topics/orders/partitions/0/records?beforeOffset=40')
    assert.ok([200, 204, 503].includes(deletion.status), deletion.text)
    if (deletion.status === 503) assert.equal(deletion.body.stored, 'no', deletion.text)
    const logStart = deletion.status === 503 ? 0 : 40
    await bare.server.kill9()
    bare.disk.fill('another')
    await bare.server.start()
    await bare.assertSaysFull()
    const { logStartOffset, highWatermark } = await bare.ask('GET', '/topics/orders/partitions/0')
    assert.equal(logStartOffset, logStart)
    assert.ok(highWatermark >= 80, `it ends at ${highWatermark}`)
    await bare.ask('GET', '/topics/orders/partitions/0/records?offset=79')
    bare.disk.remove(STRANGER)
    await bare.assertResumes()
    await bare.ask('POST', '/consumer-groups/billing/offsets', { offsets })
    await bare.ask('DELETE', '/topics/orders/partitions/0/records?beforeOffset=80')
    for (const request of bare.requests.all) await bare.requests.sendUntilStored(request)
  })

  test('compaction does without, says so, and loses nothing', async (t) => {
    const bare = await BareDisk.start(t)
    const lag = { 'min.compaction.lag.ms': 2500, 'max.compaction.lag.ms': 3000 }
    await bare.makeTopic({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.01, ...lag })
    const records = Array.from({ length: 40 }, (_, index) => ({ key: `k${index % 4}`, value: 'x'.repeat(40_000) }))
    for (let turn = 0; turn < 3; turn++) await bare.ask('POST', '/topics/orders/records', { records })
    bare.takeAll(false)
    await bare.until('health says so', 8000, async () =>
      (await troublesOf(bare.server)).some((said) => said.startsWith('cleaning-disk-full: partition 0 of orders')),
    )
    const { highWatermark, logStartOffset } = await bare.ask('GET', '/topics/orders/partitions/0')
    assert.deepEqual([logStartOffset, highWatermark], [0, 120])
    bare.disk.remove(STRANGER)
    await bare.assertResumes()
    await bare.server.kill9()
    await bare.server.start()
    await bare.until('it is compacted', 8000, async () => {
      const page = await bare.ask('GET', '/topics/orders/partitions/0/records?offset=0&maxRecords=1')
      return page.records[0]?.offset > 0
    })
  })
})

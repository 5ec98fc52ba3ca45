import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanUpBehind, tempDirectory } from '../support/temp-directory.ts'
import { CrashServer } from './crash/crash-server.ts'
import { jsonCall } from './crash/http-call.ts'
import { LoopDisk, missingForPowerCuts } from './crash/loop-disk.ts'
import { readAll } from './crash/repeated-requests.ts'
import { skipUnless } from './crash/scale.ts'

/*
 * Publishers that ask for less than stable storage, and for nothing else: what they are promised is little, but what is
 * there behind a crash is whole, dense, once, and as it was sent; and with acks=1 a kill takes nothing.
 */
const PARTITIONS = 2
const ROUNDS = 3
const LOAD_MS = 300
const settings = [
  'journal.file.bytes=8388608',
  'journal.direct.min.bytes=65536',
  'log.dir.reserve.bytes=0',
  'log.dir.free.min.bytes=0',
]

interface Sent {
  readonly partition: number
  readonly value: string
  /** −1: not told. */
  offset: number
  /** By a reader: then nothing takes it away any more. */
  isSeen: boolean
}

class HastyPublisher {
  readonly sent: Sent[] = []
  readonly #name: string
  readonly #acks: '0' | '1'
  readonly #url: string

  constructor(name: string, acks: '0' | '1', url: string) {
    this.#name = name
    this.#acks = acks
    this.#url = url
  }

  /** Until the connection breaks. */
  async run(): Promise<void> {
    for (;;) {
      const count = 1 + (this.sent.length % 7)
      const records = Array.from({ length: count }, (_, index) => this.#next(this.sent.length + index))
      this.sent.push(...records)
      const body = { records: records.map(({ partition, value }) => ({ partition, value })) }
      const reply = await jsonCall('POST', `${this.#url}/topics/hasty/records?acks=${this.#acks}`, body)
      if (!reply?.isWhole) return
      assert.equal(reply.status, this.#acks === '1' ? 200 : 202, reply.text)
      const answer = JSON.parse(reply.text) as { durability: string; records?: { offset: number | null }[] }
      assert.equal(answer.durability, this.#acks === '1' ? 'kernel' : 'none')
      if (this.#acks === '1')
        records.forEach((record, index) => (record.offset = answer.records?.[index]?.offset ?? -1))
    }
  }

  #next(number: number): Sent {
    const isLarge = number % 97 === 96
    const value = `${this.#name}/${number}|`.padEnd(isLarge ? 90_000 : 30 + (number % 300), 'x')
    return { partition: number % PARTITIONS, value, offset: -1, isSeen: false }
  }
}

interface Lost {
  readonly told: number
  readonly lost: number
}

/** @param isKept whether all that was told to be written has to be there */
async function audit(url: string, publishers: readonly HastyPublisher[], isKept: boolean): Promise<Lost> {
  const sent = new Map(publishers.flatMap(({ sent: records }) => records.map((record) => [record.value, record])))
  const found = new Set<string>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { offset, value } of await readAll(url, 'hasty', partition)) {
      const record = sent.get(value)
      assert.ok(record, `nobody sent ${value.slice(0, 40)}`)
      assert.equal(record.partition, partition)
      assert.ok(!found.has(value), `${value.slice(0, 40)} is there twice`)
      found.add(value)
      if (record.offset >= 0) assert.equal(offset, record.offset, `${value.slice(0, 40)} is elsewhere`)
      record.offset = offset
      record.isSeen = true
    }
  }
  const told = [...sent.values()].filter(({ offset }) => offset >= 0)
  const lost = told.filter(({ value }) => !found.has(value))
  const broken = isKept ? lost : lost.filter(({ isSeen }) => isSeen)
  assert.deepEqual(broken.slice(0, 3), [], `${broken.length} of ${told.length} are lost`)
  // What a power cut took nobody has seen: its offset is given to another.
  for (const record of lost) record.offset = -1
  return { told: told.length, lost: lost.length }
}

async function crashUnderLoad(t: TestContext, acks: readonly ('0' | '1')[], disk?: LoopDisk): Promise<void> {
  await disk?.mount()
  const logDir = join(disk?.path ?? tempDirectory(t), 'data')
  mkdirSync(logDir)
  const server = await CrashServer.on([logDir], settings)
  cleanUpBehind(t, () => server.kill9())
  await server.start()
  const created = await jsonCall('PUT', `${server.url}/topics/hasty`, {
    partitions: PARTITIONS,
    configs: { 'segment.bytes': 1048576 },
  })
  assert.equal(created?.status, 201, created?.text)
  const all: HastyPublisher[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const publishers = acks.map((kind, index) => new HastyPublisher(`${round}-${index}`, kind, server.url))
    all.push(...publishers)
    const running = publishers.map((publisher) => publisher.run())
    await sleep(LOAD_MS)
    await server.kill9()
    await Promise.all(running)
    await disk?.cutPower()
    await disk?.mount()
    await server.start()
    const { told, lost } = await audit(server.url, all, disk === undefined)
    t.diagnostic(`${all.reduce((sum, { sent }) => sum + sent.length, 0)} sent, ${told} with a place, ${lost} lost`)
  }
}

const skipPower = skipUnless(missingForPowerCuts())

describe('only acks=1, or only acks=0', () => {
  for (const acks of ['1', '0'] as const) {
    test(`acks=${acks}, kill -9: what is there is whole${acks === '1' ? ', and nothing is missing' : ''}`, async (t) => {
      await crashUnderLoad(t, [acks, acks, acks])
    })

    test(`acks=${acks}, power cut: what is there is whole`, { skip: skipPower }, async (t) => {
      const disk = await LoopDisk.make(t, 'ext4', tempDirectory(t), 128)
      await crashUnderLoad(t, [acks, acks, acks], disk)
    })
  }
})

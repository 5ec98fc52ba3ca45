import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, IncrementalAlterConfigOperationTypes, Producer, ConfigResourceTypes } from '@platformatic/kafka'
import { batchSizeBytes, checkBatch, deleteHorizonMs } from '../../src/codec/record-batch.ts'
import { batchCompression } from '../../src/embedded/cleaning/batch-compression.ts'
import { cleanLog } from '../../src/embedded/cleaning/clean-log.ts'
import { OffsetMap } from '../../src/embedded/cleaning/offset-map.ts'
import type { CleaningSegment } from '../../src/embedded/cleaning/segment-batches.ts'
import { passingSegmentPath } from '../../src/embedded/log/segment-name.ts'
import { type KafkaBroker, startKafkaBroker } from '../support/kafka-broker.ts'
import { dumpLog, missingForKafkaTools } from '../support/kafka-tools.ts'
import { decodeBatch } from '../support/record-spans.ts'
import { tempDirectory } from '../support/temp-directory.ts'

/** Kafka's own LogCleaner and ours are given the same segments, and have to make the same of them. */

const missing = await missingForKafkaTools()
if (missing !== undefined && process.env['CI']) throw new Error(`this lane is required in CI: ${missing}`)
const skip = missing ?? false

const TOPIC = 'state'
const DELETE_RETENTION_MS = 3000
const SEGMENT_BYTES = 1024 * 1024

/** The topic of a broker, and what of it lies on the disk. */
class CleanedTopic {
  readonly #broker: KafkaBroker
  readonly #admin: Admin
  readonly #producer: Producer<Buffer, Buffer | null>
  #number = 0

  constructor(t: TestContext, broker: KafkaBroker) {
    this.#broker = broker
    const options = { clientId: 'lane', bootstrapBrokers: [broker.address] }
    this.#admin = new Admin(options)
    this.#producer = new Producer(options)
    t.after(async () => {
      await this.#producer.close()
      await this.#admin.close()
    })
  }

  async create(): Promise<void> {
    const configs = {
      'cleanup.policy': 'delete',
      'segment.bytes': String(SEGMENT_BYTES),
      'min.cleanable.dirty.ratio': '0.001',
      'delete.retention.ms': String(DELETE_RETENTION_MS),
      'file.delete.delay.ms': '0',
    }
    await this.#admin.createTopics({
      topics: [TOPIC],
      partitions: 1,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    })
  }

  async policy(value: 'compact' | 'delete'): Promise<void> {
    await this.#admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: TOPIC,
          configs: [{ name: 'cleanup.policy', value, configOperation: IncrementalAlterConfigOperationTypes.SET }],
        },
      ],
      validateOnly: false,
    })
  }

  /** Batches of 1 to 300 records over some hundred keys, every ninth record a tombstone, timestamps out of order. */
  async publish(batches: number): Promise<void> {
    for (let batch = 0; batch < batches; batch++) {
      const count = 1 + ((this.#number * 7) % 300)
      const messages = Array.from({ length: count }, () => {
        const number = this.#number++
        const key = Buffer.from(`key-${(number * number) % 997}`)
        const value = number % 9 === 0 ? null : Buffer.from(`value ${number} ${'x'.repeat(number % 200)}`)
        const timestamp = BigInt(Date.now() - (number % 5) * 60_000)
        const headers = number % 11 === 0 ? { headers: new Map([[Buffer.from('h'), Buffer.from(String(number))]]) } : {}
        return { topic: TOPIC, partition: 0, key, value, timestamp, ...headers }
      })
      await this.#producer.send({ messages })
    }
  }

  /** All segments but the active one, copied. */
  copy(directory: string, generation: number): CleaningSegment[] {
    fs.mkdirSync(directory)
    const from = path.join(this.#broker.directory, `${TOPIC}-0`)
    const names = fs.readdirSync(from).filter((name) => /^\d{20}\.log$/.test(name))
    return names
      .toSorted()
      .slice(0, -1)
      .map((name) => {
        const file = path.join(directory, name)
        fs.copyFileSync(path.join(from, name), file)
        return { baseOffset: Number(name.slice(0, 20)), generation, path: file, sizeBytes: fs.statSync(file).size }
      })
  }

  get activeBase(): number {
    const names = fs.readdirSync(path.join(this.#broker.directory, `${TOPIC}-0`))
    return Math.max(...names.filter((name) => name.endsWith('.log')).map((name) => Number(name.slice(0, 20))))
  }

  /** Waits until the broker has cleaned up to its active segment. */
  async cleaned(): Promise<void> {
    const file = path.join(this.#broker.directory, 'cleaner-offset-checkpoint')
    for (const until = performance.now() + 60_000; ; await sleep(100)) {
      const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
      if (text.split('\n').includes(`${TOPIC} 0 ${this.activeBase}`)) return
      assert.ok(performance.now() < until, `the broker does not compact: ${text}`)
    }
  }
}

function cleanOurselves(
  directory: string,
  segments: readonly CleaningSegment[],
  offsets: { readonly firstDirtyOffset: number; readonly firstUncleanableOffset: number },
): string[] {
  const map = new OffsetMap({ secret: randomBytes(16), maxBytes: 8 * 1024 * 1024, loadFactor: 0.9 })
  const tools = { map, compression: batchCompression, ioBufferBytes: 64 * 1024, onIo: () => {} }
  const job = {
    kind: 'clean',
    directory,
    segments,
    ...offsets,
    segmentBytesMax: SEGMENT_BYTES,
    nowMs: Date.now(),
    deleteRetentionMs: DELETE_RETENTION_MS,
    mayExpireTombstones: true,
    lastOffsetsOfProducers: new Map(),
    keepFreeBytes: 0,
  } as const
  return [...cleanLog(job, tools)].map((group) => passingSegmentPath(directory, group, 'cleaned'))
}

/** Byte for byte but for what hangs on the moment of cleaning: the delete horizon, and what is counted from it. */
function contentOf(file: string) {
  const bytes = fs.readFileSync(file)
  const batches: unknown[] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
    assert.equal(checkBatch(bytes, at, bytes.length), 'valid')
    const batch = bytes.subarray(at, at + batchSizeBytes(bytes, at))
    const records = decodeBatch(batch)
    if (deleteHorizonMs(batch, 0) === undefined) batches.push({ batch: batch.toString('hex') })
    else {
      const header = Buffer.from(batch.subarray(0, 61))
      header.fill(0, 8, 12)
      header.fill(0, 17, 21)
      header.fill(0, 27, 35)
      batches.push({ header: header.toString('hex'), records })
    }
  }
  return batches
}

function assertSame(ours: readonly string[], theirs: readonly CleaningSegment[]): void {
  assert.equal(ours.length, theirs.length)
  for (const [place, file] of ours.entries()) assert.deepEqual(contentOf(file), contentOf(theirs[place]?.path ?? ''))
}

test(
  'Kafka’s LogCleaner makes the same of the same segments, round by round',
  { skip, timeout: 240_000 },
  async (t) => {
    const broker = await startKafkaBroker(t, ['log.cleaner.backoff.ms=200', 'log.retention.check.interval.ms=500'])
    const topic = new CleanedTopic(t, broker)
    await topic.create()
    const directory = tempDirectory(t)
    let firstDirtyOffset = 0
    for (const round of [1, 2, 3]) {
      await topic.policy('delete')
      await topic.publish(round === 1 ? 400 : 150)
      // What was to be kept for a while in the round before may go in this one.
      await sleep(DELETE_RETENTION_MS + 500)
      const input = topic.copy(path.join(directory, `input-${round}`), round - 1)
      const before = input.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      const firstUncleanableOffset = topic.activeBase
      await topic.policy('compact')
      await topic.cleaned()
      const theirs = topic.copy(path.join(directory, `theirs-${round}`), round)
      const ours = cleanOurselves(path.join(directory, `input-${round}`), input, {
        firstDirtyOffset,
        firstUncleanableOffset,
      })
      assertSame(ours, theirs)
      const after = ours.reduce((sum, file) => sum + fs.statSync(file).size, 0)
      t.diagnostic(`round ${round}: ${before} bytes in ${input.length} segments became ${after} in ${ours.length}`)
      assert.ok(after < before)
      firstDirtyOffset = firstUncleanableOffset
      const named = ours.map((file) => {
        const log = path.join(directory, `${path.basename(file).slice(0, 20)}.log`)
        fs.copyFileSync(file, log)
        return log
      })
      const dump = await dumpLog(['--deep-iteration', '--files', named.join(',')])
      assert.doesNotMatch(dump, /isvalid: false|invalid bytes|Exception/)
    }
  },
)

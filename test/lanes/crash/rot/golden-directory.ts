import * as fs from 'node:fs'
import * as path from 'node:path'
import process from 'node:process'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { batchSizeBytes, baseOffset, lastOffset } from '../../../../src/codec/record-batch.ts'
import { EmbeddedEngine } from '../../../../src/embedded/embedded-engine.ts'
import type { EmbeddedEngineOptions } from '../../../../src/embedded/embedded-engine-options.ts'
import { makeTopic } from '../../../conformance/make-topic.ts'
import { keyIdentity, publishClaimed, sequenceIdentity } from '../../../support/claimed-requests.ts'
import { embeddedOptions } from '../../../support/embedded-engine.ts'
import { publish } from '../../../support/engine-records.ts'
import { cleanUpBehind, tempDirectory } from '../../../support/temp-directory.ts'

export const ORDERS = { topic: 'orders', partitions: 6 } as const
/** Whose directories are damaged as such. */
export const SPARE = { topic: 'spare', partitions: 12 } as const
const ROUNDS = 90
const RECORDS_A_BATCH = 3

/** A batch of the golden directory, and where it lies. */
export interface GoldenBatch {
  readonly topic: string
  readonly partition: number
  /** Relative to the log directory. */
  readonly file: string
  readonly position: number
  readonly sizeBytes: number
  readonly firstOffset: number
  readonly lastOffset: number
}

/** One directory, as two ways of ending have left it. */
export interface Golden {
  /** Stopped. */
  readonly clean: string
  /** Killed, with all in its segments, and all of it in the journal too. */
  readonly killed: string
  readonly batches: readonly GoldenBatch[]
  /** Values by `topic/partition/offset`. */
  readonly values: ReadonlyMap<string, string>
}

/** Memory where there is some: the disk's own speed is not what is tried here. */
export function quickDirectory(t: TestContext): string {
  if (!fs.existsSync('/dev/shm') || process.platform !== 'linux') return tempDirectory(t)
  const directory = fs.mkdtempSync('/dev/shm/posthorn-rot-')
  cleanUpBehind(t, () => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function rotOptions(t: TestContext, directory: string): EmbeddedEngineOptions {
  const options = embeddedOptions(t, { logDirs: [directory] })
  return {
    ...options,
    journal: { ...options.journal, fileBytes: 256 * 1024, directMinBytes: 128 * 1024 },
    space: { freeMinBytes: 0, reserveBytes: 4096 },
    cleaning: { ...options.cleaning, enabled: false },
  }
}

export function valueOf(topic: string, partition: number, offset: number): string {
  return `${topic}/${partition}/${offset} ${'v'.repeat(20 + ((offset * 37) % 150))}`
}

export async function goldenDirectory(t: TestContext): Promise<Golden> {
  const base = quickDirectory(t)
  const clean = path.join(base, 'clean')
  const killed = path.join(base, 'killed')
  const engine = await EmbeddedEngine.open(rotOptions(t, clean))
  await engine.groups.load()
  await makeTopic(engine, ORDERS.topic, ORDERS.partitions, { 'segment.bytes': '9000', 'index.interval.bytes': '1000' })
  await makeTopic(engine, SPARE.topic, SPARE.partitions)
  const values = new Map<string, string>()
  const batchFor = (topic: string, partition: number, first: number): string[] =>
    Array.from({ length: RECORDS_A_BATCH }, (_, index) => {
      const value = valueOf(topic, partition, first + index)
      values.set(`${topic}/${partition}/${first + index}`, value)
      return value
    })
  for (let round = 0; round < ROUNDS; round++) {
    const first = round * RECORDS_A_BATCH
    for (const { topic, partitions } of round < 2 ? [ORDERS, SPARE] : [ORDERS]) {
      const parts = Array.from({ length: partitions }, (_, partition) => batchFor(topic, partition, first))
      const claimed = new Map(parts.entries())
      if (round % 3 === 0 || topic === SPARE.topic) await publish(engine, topic, Object.fromEntries(parts.entries()))
      else {
        const sequence = (round - 2) / 3
        const identity =
          round % 3 === 1 ? keyIdentity(`key-${round}`, claimed) : sequenceIdentity('billing', sequence, claimed)
        await publishClaimed(engine, identity, claimed)
      }
    }
    const offsets = [{ topic: ORDERS.topic, partition: round % ORDERS.partitions, nextOffset: round }]
    await engine.groups.commit('billing', offsets, 'set')
  }
  // Until lazy writes are through.
  while (engine.statistics().directories.some(({ pendingBytes }) => pendingBytes > 0)) await pause(20)
  fs.cpSync(clean, killed, { recursive: true })
  await engine.close()
  return { clean, killed, values, batches: batchesOf(clean) }
}

function batchesOf(directory: string): GoldenBatch[] {
  const batches: GoldenBatch[] = []
  for (const { topic, partitions } of [ORDERS, SPARE]) {
    for (let partition = 0; partition < partitions; partition++) {
      const folder = `${topic}-${partition}`
      for (const name of fs.readdirSync(path.join(directory, folder)).toSorted()) {
        if (!name.endsWith('.log')) continue
        const file = path.join(folder, name)
        const bytes = fs.readFileSync(path.join(directory, file))
        for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
          const place = { topic, partition, file, position: at, sizeBytes: batchSizeBytes(bytes, at) }
          batches.push({ ...place, firstOffset: baseOffset(bytes, at), lastOffset: lastOffset(bytes, at) })
        }
      }
    }
  }
  return batches
}

import * as fs from 'node:fs'
import * as path from 'node:path'
import type { TestContext } from 'node:test'
import type { Logger } from '../../../../src/broker/logger.ts'
import { batchSizeBytes } from '../../../../src/codec/record-batch.ts'
import { EmbeddedEngine } from '../../../../src/embedded/embedded-engine.ts'
import type { StorageDrivers } from '../../../../src/embedded/storage-drivers.ts'
import { decodeBatch } from '../../../support/record-spans.ts'
import { publish } from '../../../support/engine-records.ts'
import { applyDamage, SECTOR_BYTES, type Damage } from './damage.ts'
import { ORDERS, rotOptions, SPARE, valueOf, type Golden } from './golden-directory.ts'
import { quickDrivers } from './quick-drivers.ts'

export interface Outcome {
  /** The engine did not start, for this reason. */
  readonly refusal: string | undefined
  /** What was wrong, in sentences; empty where all is as it must be. */
  readonly findings: readonly string[]
  /** Records that were there and cannot be read. */
  readonly missing: number
  /** All that the engine said to operators. */
  readonly reports: readonly string[]
}

export interface TrialOptions {
  readonly golden: Golden
  readonly from: 'clean' | 'killed'
  readonly damages: readonly Damage[]
  readonly drivers?: StorageDrivers
}

/** Starts an engine on a damaged copy of the golden directory, reads all of it as a user would, publishes, and stops. */
export async function trial(t: TestContext, directory: string, options: TrialOptions): Promise<Outcome> {
  const { golden, from, damages, drivers = quickDrivers } = options
  fs.rmSync(directory, { recursive: true, force: true })
  fs.cpSync(golden[from], directory, { recursive: true })
  for (const damage of damages) applyDamage(directory, damage)
  const before = fileSizes(directory)
  const reports: string[] = []
  let engine: EmbeddedEngine
  try {
    engine = await EmbeddedEngine.open({ ...rotOptions(t, directory), drivers, logger: tellingTo(reports) })
  } catch (error) {
    const refusal = error instanceof Error && error.name === 'StartupError' ? error.message : undefined
    const findings = refusal === undefined ? [`the start failed with ${String(error)}`] : lostFiles(before, directory)
    return { refusal: refusal ?? String(error), findings, missing: 0, reports }
  }
  try {
    const reader = new Reading(engine, options)
    for (const { topic, partitions } of [ORDERS, SPARE]) {
      for (let partition = 0; partition < partitions; partition++) await reader.readThrough(topic, partition)
    }
    await reader.publishBehind()
    for (const { kind, detail } of engine.troubles()) reports.push(`${kind}: ${detail}`)
    reader.checkReports(reports)
    await engine.close()
    const findings = [...reader.findings, ...lostFiles(before, directory)]
    return { refusal: undefined, findings, missing: reader.missing.length, reports }
  } finally {
    await engine.close()
  }
}

interface MissingRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

class Reading {
  readonly findings: string[] = []
  readonly missing: MissingRecord[] = []
  readonly #engine: EmbeddedEngine
  readonly #hit: ReadonlySet<string>

  constructor(engine: EmbeddedEngine, options: TrialOptions) {
    this.#engine = engine
    this.#hit = recordsHit(options)
  }

  async readThrough(topic: string, partition: number): Promise<void> {
    const count = countOf(topic)
    for (let offset = 0; offset < count;) {
      const position = { topic, partition, offset }
      const { partitions } = await this.#engine.read({ positions: [position], maxBytes: 8 * 1024 * 1024, waitMs: 0 })
      const [read] = partitions
      if (read?.error) {
        const next = read.error.code === 'CORRUPT_MESSAGE' ? (read.nextReadableOffset ?? count) : count
        if (next <= offset) return void this.findings.push(`${topic}/${partition}/${offset} leads back to ${next}`)
        for (let lost = offset; lost < Math.min(next, count); lost++)
          this.#miss({ topic, partition, offset: lost }, read.error.message)
        offset = next
        continue
      }
      const served = this.#take(topic, partition, offset, read?.batches ?? [])
      if (served === offset) {
        this.findings.push(`${topic}/${partition} ends at ${offset}, not at ${count}`)
        return
      }
      offset = served
    }
  }

  /** @returns the offset behind what was served */
  #take(topic: string, partition: number, from: number, batches: readonly Buffer[]): number {
    let next = from
    for (const buffer of batches) {
      for (let at = 0; at < buffer.length; at += batchSizeBytes(buffer, at)) {
        for (const { offset, value } of decodeBatch(buffer.subarray(at))) {
          if (offset < from) continue
          if (offset !== next) this.findings.push(`${topic}/${partition} goes on with ${offset}, not ${next}`)
          if (String(value) !== valueOf(topic, partition, offset))
            this.findings.push(`${topic}/${partition}/${offset} is served with wrong bytes`)
          next = offset + 1
        }
      }
    }
    return next
  }

  #miss(record: MissingRecord, why: string): void {
    this.missing.push(record)
    const name = nameOf(record)
    if (this.#hit.has(name)) return
    this.findings.push(`${name} is lost, though nothing of it was hit: ${why}`)
  }

  /** Offsets go on behind all that were given out. */
  async publishBehind(): Promise<void> {
    for (const { topic, partitions } of [ORDERS, SPARE]) {
      for (let partition = 0; partition < partitions; partition++) {
        const { parts } = await publish(this.#engine, topic, { [partition]: ['behind'] }).catch(() => ({ parts: [] }))
        const [part] = parts
        if (part && part.error === undefined && (part.baseOffset ?? 0) < countOf(topic))
          this.findings.push(`${topic}/${partition} gives out offset ${part.baseOffset} again`)
      }
    }
  }

  /** Each partition that misses something is named. */
  checkReports(reports: readonly string[]): void {
    const partitions = new Set(this.missing.map(({ topic, partition }) => `partition ${partition} of ${topic}`))
    for (const partition of partitions) {
      if (
        !reports.some(
          (report) => report.includes(`${partition} `) || report.endsWith(partition) || report.startsWith('log-dir'),
        )
      )
        this.findings.push(`nothing is said of ${partition}`)
    }
  }
}

const counts = new Map<string, number>()

function countOf(topic: string): number {
  return counts.get(topic) ?? 0
}

/** How many records each partition of a topic has. */
export function setCounts(golden: Golden): void {
  for (const { topic, lastOffset } of golden.batches) counts.set(topic, Math.max(countOf(topic), lastOffset + 1))
}

function nameOf({ topic, partition, offset }: MissingRecord): string {
  return `${topic}/${partition}/${offset}`
}

/** Of a directory that was stopped, or whose journal is sound: the records of the batches that were damaged. */
function recordsHit({ golden, damages }: TrialOptions): Set<string> {
  const hit = new Set<string>()
  for (const { file, at, bit } of damages) {
    const end = at + (bit === undefined ? SECTOR_BYTES : 1)
    for (const { file: of, position, sizeBytes, topic, partition, firstOffset, lastOffset } of golden.batches) {
      if (of !== file || position >= end || position + sizeBytes <= at) continue
      for (let offset = firstOffset; offset <= lastOffset; offset++) hit.add(nameOf({ topic, partition, offset }))
    }
  }
  return hit
}

function tellingTo(reports: string[]): Logger {
  const tell = (facts: object, message: string): void => {
    const { topic, partition } = { topic: undefined, partition: undefined, ...facts }
    reports.push(`${message} ${JSON.stringify(facts)} partition ${String(partition)} of ${String(topic)}`)
  }
  return { info: () => undefined, warn: tell, error: tell }
}

function fileSizes(directory: string): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const name of fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const facts = fs.statSync(path.join(directory, name))
    if (facts.isFile() && (name.endsWith('.log') || name.endsWith('.metadata'))) sizes.set(name, facts.size)
  }
  return sizes
}

/** Files of partitions that are not there any more, or shorter. */
function lostFiles(before: ReadonlyMap<string, number>, directory: string): string[] {
  const after = fileSizes(directory)
  return [...before].flatMap(([name, size]) => ((after.get(name) ?? -1) < size ? [`${name} has lost bytes`] : []))
}

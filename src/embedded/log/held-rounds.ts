import * as path from 'node:path'
import { batchesSection, decodeBatchesSection, type DecodedEntry, type RoundEntry } from '../commit/batches-section.ts'
import { decodeFrame, encodeFrame } from '../commit/frame.ts'
import { readWhole } from '../directory/replace-file.ts'
import type { FileSystem } from '../file-system.ts'
import type { ScannedEntry } from './partition-recovery.ts'

/** No partition's directory can be called so; files of earlier releases have no ending, as those of a topic `held`. */
const NAME = /^held-\d+\.rounds$/
const EARLIER_NAME = /^held-\d+$/

/**
 * Committed batches of partitions whose directory was missing at a start, or that the catalogue did not know. The
 * journal cannot keep them, for it is overwritten; so they wait beside it, in files of one frame each, until the
 * partition is back or its topic is deleted.
 */
export class HeldRounds {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  readonly #journalId: Uint8Array

  constructor(fileSystem: FileSystem, directory: string, journalId: Uint8Array) {
    this.#fileSystem = fileSystem
    this.#directory = directory
    this.#journalId = journalId
  }

  /** Of all partitions, in the order of their rounds. */
  async read(): Promise<ScannedEntry[]> {
    const held: ScannedEntry[] = []
    for (const name of await this.#names()) {
      const { round, entries } = await this.#readFile(name)
      // One that was cut short by a crash was not counted on yet: the journal still has its rounds.
      for (const entry of entries ?? []) held.push({ round, entry })
    }
    return held
  }

  /** Which files there are, and whether they are what was written. */
  async states(): Promise<{ readonly name: string; readonly round: number; readonly isWhole: boolean }[]> {
    const states = []
    for (const name of await this.#names()) {
      states.push({ name, round: roundOf(name), isWhole: (await this.#readFile(name)).entries !== undefined })
    }
    return states
  }

  async #readFile(name: string): Promise<{ readonly round: number; readonly entries: DecodedEntry[] | undefined }> {
    const frame = decodeFrame(await readWhole(this.#fileSystem, path.join(this.#directory, name)), 0, this.#journalId)
    const entries = frame?.sections[0] && decodeBatchesSection(frame.sections[0])
    return { round: frame?.round ?? 0, entries }
  }

  /** Durable when it resolves. */
  async write(round: number, entries: readonly ScannedEntry[]): Promise<void> {
    const section = batchesSection(entries.map(({ entry }) => toRoundEntry(entry)))
    const frame = encodeFrame({ journalId: this.#journalId, cycle: 0, round }, 'round', [section])
    const file = await this.#fileSystem.open(path.join(this.#directory, `held-${round}.rounds`), { create: true })
    try {
      await file.write(frame, 0)
      await file.datasync()
    } finally {
      await file.close()
    }
    await this.#fileSystem.syncDirectory(this.#directory)
  }

  /** Every partition is back, and a durable checkpoint says that what it was owed is in its segments. */
  async remove(): Promise<void> {
    for (const name of await this.#names()) await this.#fileSystem.unlink(path.join(this.#directory, name))
  }

  async #names(): Promise<string[]> {
    const names: string[] = []
    for (const name of await this.#fileSystem.readdir(this.#directory)) {
      if (NAME.test(name) || (EARLIER_NAME.test(name) && (await this.#isFile(name)))) names.push(name)
    }
    return names.sort((one, other) => roundOf(one) - roundOf(other))
  }

  async #isFile(name: string): Promise<boolean> {
    return !(await this.#fileSystem.stat(path.join(this.#directory, name))).directory
  }
}

function roundOf(name: string): number {
  return Number.parseInt(name.slice('held-'.length), 10)
}

function toRoundEntry(entry: ScannedEntry['entry']): RoundEntry {
  const { content } = entry
  return { ...entry, content: 'bytes' in content ? { batches: [content.bytes] } : content }
}

import * as path from 'node:path'
import type { Clock } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import { checkpointSection } from '../commit/checkpoint-section.ts'
import { FRAME_HEADER_BYTES, JOURNAL_ID_BYTES, sectionBytes, type Section } from '../commit/frame.ts'
import { FRAMES_START, JournalFile, journalFileName, readJournalId } from '../commit/journal-file.ts'
import { scanJournal, type JournalScan } from '../commit/journal-scan.ts'
import { Journal } from '../commit/journal.ts'
import { findPartitions, holdsRecords } from '../directory/found-partition.ts'
import type { FileSystem } from '../file-system.ts'
import type { PartitionPlacement } from './partition-log.ts'
import { isMissing } from './storage-failure.ts'

export interface ReadJournalOptions {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  readonly path: string
  readonly placements: readonly PartitionPlacement[]
  readonly journalFileBytes: number
  readonly random: (sizeBytes: number) => Uint8Array
}

export interface ReadJournal {
  /** Both files as they were read; `scan` points into them. */
  readonly contents: readonly [Buffer, Buffer]
  readonly files: readonly [JournalFile, JournalFile]
  readonly scan: JournalScan
}

/** Reads a directory's journal, its newest frame made durable; makes one where the directory was never used. */
export function readJournal(options: ReadJournalOptions): Promise<ReadJournal> {
  return new JournalReading(options).read()
}

class JournalReading {
  readonly #options: ReadJournalOptions

  constructor(options: ReadJournalOptions) {
    this.#options = options
  }

  async read(): Promise<ReadJournal> {
    const { fileSystem, path: directory } = this.#options
    const contents = [await this.#readJournalFile(0), await this.#readJournalFile(1)] as const
    const scan = scanJournal(contents)
    if (!scan) return this.#makeJournal()
    const files = [
      await JournalFile.open(fileSystem, directory, 0),
      await JournalFile.open(fileSystem, directory, 1),
    ] as const
    for (const [index, file] of files.entries()) {
      if (!readJournalId(index === 0 ? contents[0] : contents[1])) await file.writeHeader(scan.journalId)
    }
    await fileSystem.syncDirectory(directory)
    const { fileIndex, position, header } = scan.newest
    const frame = contents[fileIndex].subarray(position, position + header.sizeBytes)
    await files[fileIndex].write([frame], position)
    await files[fileIndex].datasync()
    if (scan.lastMissingRound > 0) {
      this.#options.logger.error(
        { directory, round: scan.lastMissingRound },
        'the commit journal is damaged: nothing is cut in this start',
      )
    }
    return { contents, files, scan }
  }

  async #readJournalFile(index: number): Promise<Buffer> {
    const { fileSystem, path: directory } = this.#options
    try {
      const handle = await fileSystem.open(path.join(directory, journalFileName(index)), { readOnly: true })
      try {
        return await handle.read(0, await handle.size())
      } finally {
        await handle.close()
      }
    } catch (error) {
      if (isMissing(error)) return Buffer.alloc(0)
      throw error
    }
  }

  /** The first journal of a directory that the catalogue knows no partition of. */
  async #makeJournal(): Promise<ReadJournal> {
    const { fileSystem, path: directory, random, logger } = this.#options
    const count = await this.#partitionCount()
    if (count > 0) {
      throw new Error(
        `the commit journal of ${directory} is missing or has no readable checkpoint, though the directory holds ` +
          `${count} partitions: put journal-0 and journal-1 back as the server left them last. Older ones, of a backup, would ` +
          'take all records committed since out of the log',
      )
    }
    await this.#setOldJournalAside()
    const journalId = Buffer.from(random(JOURNAL_ID_BYTES))
    const files = [
      await JournalFile.open(fileSystem, directory, 0),
      await JournalFile.open(fileSystem, directory, 1),
    ] as const
    for (const file of files) await file.writeHeader(journalId)
    await fileSystem.syncDirectory(directory)
    const start = { journalId, cycle: 0, position: FRAMES_START, lastRound: 0, otherNewestRound: 0, coveredRound: 0 }
    const journal = new Journal(files, { capacityBytes: this.#options.journalFileBytes, logger }, start)
    const section = checkpointSection(0, [])
    await journal.allocate(frameBytesOf([section]))
    await journal.append('checkpoint', [section])
    const contents = [await files[0].readAll(), await files[1].readAll()] as const
    const scan = scanJournal(contents)
    if (!scan) throw new Error(`the commit journal of ${directory} does not read back as it was written`)
    return { contents, files, scan }
  }

  /** Of those that the catalogue places here; where there are none, of those with records that it does not know. */
  async #partitionCount(): Promise<number> {
    const { fileSystem, path: directory, placements } = this.#options
    if (placements.length > 0) return placements.length
    let count = 0
    for (const found of await findPartitions(fileSystem, directory)) {
      if (found.failure === undefined && (await holdsRecords(fileSystem, found.directory))) count++
    }
    return count
  }

  /** The beginnings of a journal that was never finished, or of a directory whose partitions are all gone. */
  async #setOldJournalAside(): Promise<void> {
    const { fileSystem, path: directory, clock } = this.#options
    for (const name of [journalFileName(0), journalFileName(1)]) {
      const file = path.join(directory, name)
      await fileSystem.rename(file, `${file}.${clock.now()}.torn`).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    }
  }
}

export function frameBytesOf(sections: readonly Section[]): number {
  return sections.reduce((sum, section) => sum + sectionBytes(section), FRAME_HEADER_BYTES)
}

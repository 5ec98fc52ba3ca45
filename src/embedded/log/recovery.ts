import * as path from 'node:path'
import type { Clock } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import { checkpointSection, type CheckpointPartition } from '../commit/checkpoint-section.ts'
import { capture } from '../commit/checkpointer.ts'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import { FRAME_HEADER_BYTES, JOURNAL_ID_BYTES, sectionBytes, type Section } from '../commit/frame.ts'
import { FRAMES_START, JournalFile, journalFileName, readJournalId } from '../commit/journal-file.ts'
import { scanJournal, type JournalScan } from '../commit/journal-scan.ts'
import { Journal } from '../commit/journal.ts'
import type { FileSystem } from '../file-system.ts'
import { DirectoryFacts, type FactsMemory } from '../producers/directory-facts.ts'
import { HeldRounds } from './held-rounds.ts'
import { mendMetadata } from './damaged-metadata.ts'
import { isDeletedDirectory, partitionDirectory, readTopicId } from './partition-directory.ts'
import { PartitionLog, type PartitionPlacement } from './partition-log.ts'
import { PartitionRecovery, type ScannedEntry } from './partition-recovery.ts'
import { PartitionWork } from './partition-work.ts'
import { emptySegmentFacts, Segment } from './segment.ts'
import { isDiskFull, isMissing } from './storage-failure.ts'

const noMemory: FactsMemory = { load: () => {}, live: () => [], keptMs: 0 }

/** Partitions that nothing is to be done with are looked at so many at a time: each look waits for libuv's pool. */
const LOOKS_AT_ONCE = 8

export interface RecoveryOptions {
  readonly fileSystem: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  readonly path: string
  readonly placements: readonly PartitionPlacement[]
  readonly journalFileBytes: number
  readonly recoveryThreads: number
  readonly random: (sizeBytes: number) => Uint8Array
  /** 0 ≤ jitter < 1 */
  readonly jitter: () => number
  readonly factsMemory?: FactsMemory
  readonly producersFileMinBytes?: number
  /** On a full disk, committed batches stay in memory, pending: see `PartitionRecoveryOptions`. */
  readonly mayHoldRecords?: boolean
}

export interface RecoveredDirectory {
  readonly journal: Journal
  readonly logs: readonly PartitionLog[]
  /** Partitions that are offline, as checkpoints go on carrying them. */
  readonly offline: ReadonlyMap<PartitionLog, CheckpointPartition>
  readonly facts: DirectoryFacts
}

/**
 * Brings one log directory to what its journal says. The passes before are the engine's: directories, lock, catalogue
 * (1), unfinished topic creations and deletions (2).
 */
export async function recoverDirectory(options: RecoveryOptions): Promise<RecoveredDirectory> {
  const recovery = new Recovery(options)
  // (3) What deletions left behind goes.
  await recovery.removeDeleted()
  // (4) The journal: the last checkpoint, then the rounds behind it; the newest frame is made durable before it counts.
  const journal = await recovery.readJournal()
  // (5) The partitions, each brought to what checkpoint and rounds say, then a checkpoint that says so.
  const recovered = await recovery.recoverPartitions(journal)
  for (const content of journal.contents) giveUp(content)
  return recovered
}

/** The journal's files are as large as all else together: their memory goes now, not when it is next collected. */
function giveUp({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

interface ReadJournal {
  /** Both files as they were read; `scan` points into them. */
  readonly contents: readonly [Buffer, Buffer]
  readonly files: readonly [JournalFile, JournalFile]
  readonly scan: JournalScan
}

class Recovery {
  readonly #options: RecoveryOptions

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Directories renamed for removal, unless they hold a topic that the catalogue has: then somebody erred. */
  async removeDeleted(): Promise<void> {
    const { fileSystem, path: directory, placements } = this.#options
    const live = new Set(placements.map(({ topicId }) => topicId))
    for (const name of await fileSystem.readdir(directory)) {
      if (!isDeletedDirectory(name)) continue
      const deleted = path.join(directory, name)
      const topicId = await readTopicId(fileSystem, deleted)
      if (topicId !== undefined && live.has(topicId)) {
        this.#options.logger.error(
          { directory: deleted },
          'a directory of a live topic is named as deleted: left alone',
        )
      } else await fileSystem.removeTree(deleted)
    }
  }

  async readJournal(): Promise<ReadJournal> {
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
    const { fileSystem, path: directory, placements, random, logger } = this.#options
    if (placements.length > 0) {
      throw new Error(
        `the commit journal of ${directory} is missing or has no readable checkpoint, though the directory holds ` +
          `${placements.length} partitions: put journal-0 and journal-1 back`,
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

  async recoverPartitions({ files, scan }: ReadJournal): Promise<RecoveredDirectory> {
    const { fileSystem, path: directory, placements, recoveryThreads } = this.#options
    const held = new HeldRounds(fileSystem, directory, scan.journalId)
    const kept = await held.read()
    const work = new PartitionWork(scan.checkpoint, [...kept, ...scannedEntries(scan)])
    const isKept = new Set(kept)
    const recovered = new Map<PartitionPlacement, PartitionLog>()
    const offline = new Map<PartitionLog, CheckpointPartition>()
    const owed: ScannedEntry[] = []
    const recover = async (placement: PartitionPlacement): Promise<void> => {
      const reason = await this.#offlineReason(placement, work.checkpointOf(placement))
      if (reason === undefined) recovered.set(placement, await this.#recoverPartition(placement, work, scan))
      else {
        const { checkpoint, entries } = work.heldFor(placement)
        const log = this.#offlineLog(placement, reason)
        recovered.set(placement, log)
        offline.set(log, checkpoint)
        for (const entry of entries) if (!isKept.has(entry)) owed.push(entry)
      }
    }
    const { idle = [], busy = [] } = Object.groupBy(placements, (placement) =>
      work.isIdle(placement) ? 'idle' : 'busy',
    )
    await new ConcurrencyLimit(recoveryThreads).forEach(busy, recover)
    await new ConcurrencyLimit(LOOKS_AT_ONCE).forEach(idle, recover)
    const logs = placements.flatMap((placement) => recovered.get(placement) ?? [])
    if (owed.length > 0) await held.write(scan.newest.header.round, owed)
    const facts = await this.#recoverFacts(scan)
    const journal = this.#journalBehind(files, scan)
    // What is only in memory must stay in the journal: no checkpoint may say that it is in the segments.
    if (logs.every(({ pendingBytes }) => pendingBytes === 0)) {
      const section = checkpointSection(scan.newest.header.round, [...capture(logs), ...offline.values()])
      const isTaken = await this.#takeCheckpoint(journal, scan, section, facts)
      if (isTaken && offline.size === 0) await held.remove()
    }
    return { journal, logs, offline, facts }
  }

  async #offlineReason(
    placement: PartitionPlacement,
    checkpoint: CheckpointPartition | undefined,
  ): Promise<string | undefined> {
    const { fileSystem, path: root, logger } = this.#options
    const { topic, topicId, partition } = placement
    const directory = partitionDirectory(root, topic, partition)
    const found = await readTopicId(fileSystem, directory)
    if (found === topicId) return undefined
    if (found === undefined && (await isAway(fileSystem, directory))) return `its directory ${directory} is missing`
    if (await mendMetadata(fileSystem, logger, { directory, placement, checkpoint })) return undefined
    return `${directory} belongs to topic id ${found ?? 'unknown'}, not to ${topicId}`
  }

  #offlineLog(placement: PartitionPlacement, reason: string): PartitionLog {
    const { path: root, logger, clock } = this.#options
    const { topic, partition } = placement
    logger.error({ topic, partition }, `partition is offline: ${reason}`)
    const directory = partitionDirectory(root, topic, partition)
    const segment = new Segment(directory, emptySegmentFacts(placement.logStartOffset, clock.now()), 0)
    const state = { segments: [segment], logEndOffset: placement.logStartOffset, fenced: [] }
    return new PartitionLog(placement, directory, state, reason)
  }

  #recoverPartition(placement: PartitionPlacement, work: PartitionWork, scan: JournalScan): Promise<PartitionLog> {
    const { fileSystem, logger, clock, jitter, path: root, mayHoldRecords = false } = this.#options
    const directory = partitionDirectory(root, placement.topic, placement.partition)
    const recovery = new PartitionRecovery(placement, directory, work.checkpointOf(placement), {
      fileSystem,
      logger,
      nowMs: clock.now(),
      jitter,
      lastRound: scan.newest.header.round,
      lastMissingRound: scan.lastMissingRound,
      mayHoldRecords,
    })
    return recovery.run(work.entriesOf(placement))
  }

  /** What is known of requests: all of it, before the next checkpoint lets go of the rounds that said so. */
  async #recoverFacts(scan: JournalScan): Promise<DirectoryFacts> {
    const { factsMemory: memory = noMemory, producersFileMinBytes: replacedMinBytes, clock } = this.#options
    const sizes = replacedMinBytes === undefined ? {} : { replacedMinBytes }
    const facts = new DirectoryFacts({ ...this.#options, memory, ...sizes })
    await facts.recover({
      mark: scan.producersFile,
      rounds: scan.rounds.flatMap((round) => round.facts ?? []),
      isDamaged: scan.lastMissingRound > 0,
      nowMs: clock.now(),
    })
    return facts
  }

  /** Everything is in the segments and synced: a checkpoint says so. False where the disk has no room for it. */
  async #takeCheckpoint(
    journal: Journal,
    scan: JournalScan,
    partitions: Section,
    facts: DirectoryFacts,
  ): Promise<boolean> {
    const { header } = scan.newest
    const { logger } = this.#options
    const captured = facts.capture()
    try {
      const stored = await captured.store()
      const sections = stored ? [partitions, stored] : [partitions]
      journal.makeRoomIfFree(frameBytesOf(sections))
      await journal.allocate(frameBytesOf(sections))
      await journal.append('checkpoint', sections)
      journal.covered(header.round)
      await journal.allocateFirst()
      return true
    } catch (error) {
      // A start on a full disk serves reads; the frames are kept, and a later checkpoint covers them.
      if (!isDiskFull(error)) throw error
      logger.warn({ err: error, directory: this.#options.path }, 'the disk is full: the start took no checkpoint')
      return false
    }
  }

  /** The journal as it was found, to go on behind its newest frame. */
  #journalBehind(files: readonly [JournalFile, JournalFile], scan: JournalScan): Journal {
    const { header, position } = scan.newest
    const { journalFileBytes, logger } = this.#options
    return new Journal(
      files,
      { capacityBytes: journalFileBytes, logger },
      {
        journalId: scan.journalId,
        cycle: header.cycle,
        position: position + header.sizeBytes,
        lastRound: header.round,
        otherNewestRound: scan.otherNewestRound,
        coveredRound: scan.checkpoint.coveredRound,
      },
    )
  }
}

async function isAway(fileSystem: FileSystem, directory: string): Promise<boolean> {
  try {
    await fileSystem.stat(directory)
    return false
  } catch (error) {
    if (isMissing(error)) return true
    throw error
  }
}

function frameBytesOf(sections: readonly Section[]): number {
  return sections.reduce((sum, section) => sum + sectionBytes(section), FRAME_HEADER_BYTES)
}

function scannedEntries(scan: JournalScan): ScannedEntry[] {
  return scan.rounds.flatMap(({ round, entries }) => entries.map((entry) => ({ round, entry })))
}

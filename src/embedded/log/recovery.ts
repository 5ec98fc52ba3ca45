import * as path from 'node:path'
import { ConcurrencyLimit } from '../../broker/concurrency-limit.ts'
import { checkpointSection, type CheckpointPartition } from '../commit/checkpoint-section.ts'
import { capture } from '../commit/checkpointer.ts'
import type { Section } from '../commit/frame.ts'
import type { JournalFile } from '../commit/journal-file.ts'
import type { JournalScan } from '../commit/journal-scan.ts'
import { Journal } from '../commit/journal.ts'
import { findPartitions } from '../directory/found-partition.ts'
import type { FileSystem } from '../file-system.ts'
import { DirectoryFacts, type FactsMemory } from '../producers/directory-facts.ts'
import { adoptedPartition, endAdoption } from './adopted-partition.ts'
import { HeldRounds } from './held-rounds.ts'
import { mendMetadata } from './damaged-metadata.ts'
import { isDeletedDirectory, partitionDirectory, readTopicId } from './partition-directory.ts'
import { PartitionLog, type PartitionPlacement } from './partition-log.ts'
import { PartitionRecovery, type ScannedEntry } from './partition-recovery.ts'
import { checkpointPartitionKey, PartitionWork } from './partition-work.ts'
import { frameBytesOf, readJournal, type ReadJournal, type ReadJournalOptions } from './read-journal.ts'
import { emptySegmentFacts, Segment } from './segment.ts'
import { isDiskFull, isMissing } from './storage-failure.ts'

const noMemory: FactsMemory = { load: () => {}, live: () => [], keptMs: 0 }

/** Partitions that nothing is to be done with are looked at so many at a time: each look waits for libuv's pool. */
const LOOKS_AT_ONCE = 8

export interface RecoveryOptions extends ReadJournalOptions {
  readonly recoveryThreads: number
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
  /** The same of partitions that lie here though the catalogue, which may be an old one, does not place them here. */
  readonly unplaced: readonly CheckpointPartition[]
  /** Of directories that came from elsewhere: their segments are to be indexed. */
  readonly adopted: readonly PartitionLog[]
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
  const journal = await readJournal(options)
  // (5) The partitions, each brought to what checkpoint and rounds say, then a checkpoint that says so.
  const recovered = await recovery.recoverPartitions(journal)
  for (const content of journal.contents) giveUp(content)
  return recovered
}

/** The journal's files are as large as all else together: their memory goes now, not when it is next collected. */
function giveUp({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

class Recovery {
  readonly #options: RecoveryOptions
  /** Partitions whose directories stand in the place of one of another topic id, as `<topic id>-<partition>`. */
  readonly #foreign = new Set<string>()
  readonly #adoptions: string[] = []

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

  async recoverPartitions({ files, scan }: ReadJournal): Promise<RecoveredDirectory> {
    const { fileSystem, path: directory, placements, recoveryThreads } = this.#options
    const held = new HeldRounds(fileSystem, directory, scan.journalId)
    const work = new PartitionWork(scan.checkpoint, [...(await held.read()), ...scannedEntries(scan)])
    const recovered = new Map<PartitionPlacement, PartitionLog>()
    const offline = new Map<PartitionLog, CheckpointPartition>()
    const recover = async (placement: PartitionPlacement): Promise<void> => {
      const reason = await this.#offlineReason(placement, work.checkpointOf(placement))
      const log = reason === undefined ? await this.#recoverPartition(placement, work, scan) : undefined
      const shown = log ?? this.#offlineLog(placement, reason ?? '')
      recovered.set(placement, shown)
      if (!log) offline.set(shown, work.standOf(placement))
    }
    const { idle = [], busy = [] } = Object.groupBy(placements, (placement) =>
      work.isIdle(placement) ? 'idle' : 'busy',
    )
    await new ConcurrencyLimit(recoveryThreads).forEach(busy, recover)
    await new ConcurrencyLimit(LOOKS_AT_ONCE).forEach(idle, recover)
    const logs = placements.flatMap((placement) => recovered.get(placement) ?? [])
    const unplaced = await this.#unplaced(work)
    const owing = [...offline.values(), ...unplaced]
    await this.#hold(held, owing, scan)
    const facts = await this.#recoverFacts(scan)
    const journal = this.#journalBehind(files, scan)
    // What is only in memory must stay in the journal: no checkpoint may say that it is in the segments.
    if (logs.every(({ pendingBytes }) => pendingBytes === 0)) {
      const section = checkpointSection(scan.newest.header.round, [...capture(logs), ...owing])
      const isTaken = await this.#takeCheckpoint(journal, scan, section, facts)
      if (isTaken && owing.length === 0) await held.remove()
    }
    const adopted = logs.filter(({ directory: each }) => this.#adoptions.includes(each))
    return { journal, logs, offline, unplaced, adopted, facts }
  }

  /** Copies the rounds of partitions that cannot be recovered now out of the journal, durably. */
  async #hold(held: HeldRounds, owing: readonly CheckpointPartition[], scan: JournalScan): Promise<void> {
    const keys = new Set(owing.map(checkpointPartitionKey))
    // What is held already is not written once more: it would double with each start.
    const owed = scannedEntries(scan).filter(({ entry }) => keys.has(checkpointPartitionKey(entry)))
    if (owed.length > 0) await held.write(scan.newest.header.round, owed)
  }

  /**
   * What the journal has of partitions whose directories are here though the catalogue does not place them here: it may
   * be an older copy. Those without a directory were deleted.
   */
  async #unplaced(work: PartitionWork): Promise<CheckpointPartition[]> {
    const { fileSystem, path: root, placements } = this.#options
    const unplaced = work.besides(placements)
    if (unplaced.length === 0) return []
    const named = new Set(placements.map(({ topic, partition }) => partitionDirectory(root, topic, partition)))
    const present = new Set(this.#foreign)
    for (const found of await findPartitions(fileSystem, root, ({ topic, partition }) => {
      return !named.has(partitionDirectory(root, topic, partition))
    })) {
      // It may be any of them.
      if (found.topicId === undefined) return unplaced
      present.add(`${found.topicId}-${found.partition}`)
    }
    return unplaced.filter((partition) => present.has(checkpointPartitionKey(partition)))
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
    if (found !== undefined) this.#foreign.add(`${found}-${partition}`)
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

  async #recoverPartition(
    placement: PartitionPlacement,
    work: PartitionWork,
    scan: JournalScan,
  ): Promise<PartitionLog> {
    const { fileSystem, logger, clock, jitter, path: root, mayHoldRecords = false } = this.#options
    const directory = partitionDirectory(root, placement.topic, placement.partition)
    const stood = work.checkpointOf(placement) ?? (await this.#adopted(placement, directory, work))
    const recovery = new PartitionRecovery(placement, directory, stood, {
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

  async #adopted(placement: PartitionPlacement, directory: string, work: PartitionWork) {
    const { fileSystem, logger, clock } = this.#options
    const [first] = work.entriesOf(placement)
    const adopted = await adoptedPartition(
      fileSystem,
      directory,
      placement,
      clock.now(),
      first?.entry.segmentBaseOffset,
    )
    if (!adopted) return undefined
    this.#adoptions.push(directory)
    const { logEndOffset, segments } = adopted
    logger.warn(
      { directory, from: segments[0]?.baseOffset, to: logEndOffset },
      'the records that are in its files are taken into the log, as posthorn repair has marked it',
    )
    return adopted
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
      for (const directory of this.#adoptions) await endAdoption(this.#options.fileSystem, directory)
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

function scannedEntries(scan: JournalScan): ScannedEntry[] {
  return scan.rounds.flatMap(({ round, entries }) => entries.map((entry) => ({ round, entry })))
}

import * as path from 'node:path'
import { checkpointPartitionKey } from '../log/partition-work.ts'
import type { CatalogueState } from '../catalogue/catalogue-state.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import { journalFileName } from '../commit/journal-file.ts'
import type { JournalScan } from '../commit/journal-scan.ts'
import { CLOCK_FILE } from '../directory/clock-file.ts'
import { findPartitions } from '../directory/found-partition.ts'
import { META_PROPERTIES, type StoredMetaProperties } from '../directory/meta-properties.ts'
import type { CheckpointEntry } from '../directory/offset-checkpoint.ts'
import { readWhole } from '../directory/replace-file.ts'
import { INDEX_FILE } from '../index/sqlite-segment-index.ts'
import { isAdopted } from '../log/adopted-partition.ts'
import { HeldRounds } from '../log/held-rounds.ts'
import { isDeletedDirectory, partitionDirectory, partitionOfDirectory } from '../log/partition-directory.ts'
import type { ScannedEntry } from '../log/partition-recovery.ts'
import { PartitionWork } from '../log/partition-work.ts'
import { parseSegmentFileName } from '../log/segment-name.ts'
import { isMissing } from '../log/storage-failure.ts'
import { PRODUCERS_FILE } from '../producers/producers-file.ts'
import type { FileSystem } from '../file-system.ts'
import { errorMessage } from '../startup-error.ts'
import type { CatalogueCheckOptions } from './catalogue-check.ts'
import { expectedPartition, type ExpectedPartition } from './expected-partition.ts'
import { openIndexCopy } from './index-copy.ts'
import type { IndexRows } from './index-rows.ts'
import { checkJournal } from './journal-check.ts'
import { checkPartition } from './partition-check.ts'
import { checkProducersFile } from './producers-check.ts'
import { checkClockFile, checkMetaText, checkOffsetCheckpoint } from './text-files-check.ts'

export interface CheckedDirectory {
  /** Absolute. */
  readonly path: string
  readonly meta: StoredMetaProperties | undefined
  /** Undefined where nothing tells which of the catalogue's directories it is. */
  readonly directoryId: string | undefined
  /** What is known of topics; undefined where nothing says so. */
  readonly catalogue: CatalogueState | undefined
}

export interface DirectoryCheckOptions extends CatalogueCheckOptions {
  /** Whether index.db is copied and held against the segments. */
  readonly checksIndex: boolean
}

interface Placement {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly logStartOffset: number
}

/** Everything of one log directory but its copy of the catalogue. Returns how many partitions were read. */
export async function checkDirectory(directory: CheckedDirectory, options: DirectoryCheckOptions): Promise<number> {
  const placements = await placementsIn(directory, options.fileSystem)
  return await new DirectoryCheck(directory, placements, options).run()
}

class DirectoryCheck {
  readonly #directory: CheckedDirectory
  readonly #options: DirectoryCheckOptions
  readonly #placements: readonly Placement[]

  constructor(directory: CheckedDirectory, placements: readonly Placement[], options: DirectoryCheckOptions) {
    this.#directory = directory
    this.#options = options
    this.#placements = placements
  }

  async run(): Promise<number> {
    const { meta } = this.#directory
    if (meta) {
      const content = await this.#content(META_PROPERTIES)
      if (content) this.#tellAll(META_PROPERTIES, checkMetaText(content, meta))
    }
    this.#tellAll(CLOCK_FILE, checkClockFile(await this.#content(CLOCK_FILE)))
    const scan = await this.#checkJournal()
    const producers = await this.#content(PRODUCERS_FILE)
    if (scan) this.#tellAll(PRODUCERS_FILE, checkProducersFile(producers, scan.producersFile))
    const index = openIndexCopy(this.#path(INDEX_FILE), this.#options)
    try {
      const expected = await this.#checkPartitions(scan, index?.rows)
      await this.#checkKafkasCheckpoints(scan, expected)
    } finally {
      index?.rows.close()
      index?.copy.remove()
    }
    await this.#tellDeleted()
    return this.#placements.length
  }

  #path(name: string): string {
    return path.join(this.#directory.path, name)
  }

  #tellAll(name: string, findings: readonly Omit<Parameters<DirectoryCheckOptions['tell']>[0], 'file'>[]): void {
    for (const finding of findings) this.#options.tell({ file: this.#path(name), ...finding })
  }

  async #content(name: string): Promise<Buffer | undefined> {
    try {
      const content = await readWhole(this.#options.fileSystem, this.#path(name))
      this.#options.onRead(content.length, this.#path(name))
      return content
    } catch (error) {
      if (isMissing(error)) return undefined
      const problem = `reading it failed: ${errorMessage(error)}`
      this.#tellAll(name, [{ consequence: 'lost', problem, meaning: 'what it held is not known' }])
      return Buffer.alloc(0)
    }
  }

  async #checkJournal(): Promise<JournalScan | undefined> {
    const contents = [await this.#content(journalFileName(0)), await this.#content(journalFileName(1))] as const
    const [one = Buffer.alloc(0), other = Buffer.alloc(0)] = contents
    const { scan, findings } = checkJournal([one, other])
    if (!scan && this.#placements.length === 0) {
      const problem = 'the journal was not begun, or has no checkpoint yet'
      const meaning = 'no partition lies here: the next start makes it anew'
      this.#tellAll(journalFileName(0), [{ consequence: 'unfinished', problem, meaning }])
      return undefined
    }
    for (const { fileIndex, ...finding } of findings) this.#tellAll(journalFileName(fileIndex), [finding])
    if (scan) return scan
    const problem = 'neither journal file has a checkpoint that can be read'
    const meaning =
      'the log directory does not come online until journal-0 and journal-1 are put back as the server left them last; ' +
      'older ones would take all records committed since out of the log'
    this.#tellAll(journalFileName(0), [{ consequence: 'refused', problem, meaning }])
    return undefined
  }

  async #heldRounds(scan: JournalScan): Promise<ScannedEntry[]> {
    const { fileSystem } = this.#options
    const held = new HeldRounds(fileSystem, this.#directory.path, scan.journalId)
    for (const { name, round, isWhole } of await held.states()) {
      if (isWhole) continue
      const isCounted = round <= scan.checkpoint.coveredRound
      const problem = 'what the journal held for a partition that was offline is damaged'
      const meaning = isCounted
        ? 'these records are lost to the partition when it is back'
        : 'a start was broken off while it wrote the file; the journal still has the same'
      this.#tellAll(name, [{ consequence: isCounted ? 'lost' : 'unfinished', problem, meaning }])
    }
    return await held.read()
  }

  /** Returns what is known of each partition, by topic id and number. */
  async #checkPartitions(
    scan: JournalScan | undefined,
    rows: IndexRows | undefined,
  ): Promise<ReadonlyMap<Placement, ExpectedPartition>> {
    const known = new Map<Placement, ExpectedPartition>()
    const entries = scan ? [...(await this.#heldRounds(scan)), ...scannedEntries(scan)] : []
    const work = scan && new PartitionWork(scan.checkpoint, entries)
    for (const placement of this.#placements) {
      const { topic, partition } = placement
      const directory = partitionDirectory(this.#directory.path, topic, partition)
      const hasStood = work?.checkpointOf(placement) !== undefined
      const isKnown = work && (hasStood || !(await isAdopted(this.#options.fileSystem, directory)))
      const expected = isKnown
        ? expectedPartition(work.checkpointOf(placement), work.entriesOf(placement))
        : await this.#assumed(directory)
      known.set(placement, expected)
      const lostRounds = !isKnown || scan === undefined || scan.lastMissingRound > 0
      const indexFile = this.#path(INDEX_FILE)
      const checkpoint = isKnown ? work.checkpointOf(placement) : undefined
      await checkPartition(
        { ...placement, directory, expected, checkpoint, lostRounds },
        { ...this.#options, rows, indexFile },
      )
    }
    if (scan) this.#tellUnplaced(scan.checkpoint.partitions)
    return known
  }

  /** Without a journal a partition's log is what its files hold. */
  async #assumed(directory: string): Promise<ExpectedPartition> {
    const { fileSystem } = this.#options
    const names = await fileSystem.readdir(directory).catch(() => [])
    const bases = names.flatMap((name) => parseSegmentFileName(name) ?? []).sort((one, other) => one - other)
    const segments = bases.map((baseOffset, place) => ({
      baseOffset,
      // Whether compaction left gaps is not known.
      generation: 1,
      checkpointBytes: 0,
      sizeBytes: 0,
      endOffset: bases[place + 1] ?? Number.MAX_SAFE_INTEGER,
      pieces: [],
    }))
    const sized = []
    for (const segment of segments) {
      const file = path.join(directory, `${String(segment.baseOffset).padStart(20, '0')}.log`)
      const isLast = segment === segments.at(-1)
      const { sizeBytes } = await fileSystem.stat(file)
      sized.push(isLast ? segment : { ...segment, sizeBytes })
    }
    return { segments: sized, logEndOffset: 0, fenced: [], gaps: [], contradiction: undefined }
  }

  /** The journal may know of partitions that are gone: a topic's deletion does not wait for a checkpoint. */
  #tellUnplaced(partitions: readonly CheckpointPartition[]): void {
    const { catalogue, directoryId } = this.#directory
    if (!catalogue || directoryId === undefined) return
    const placed = new Set(this.#placements.map(({ topicId, partition }) => `${topicId}-${partition}`))
    const live = new Map(catalogue.topics.map((topic) => [topic.topicId, topic]))
    for (const each of partitions) {
      const topic = live.get(each.topicIdBytes.toString('base64url'))
      if (!topic || topic.state !== 'live' || placed.has(checkpointPartitionKey(each)) || each.logEndOffset === 0)
        continue
      const problem = `the journal knows partition ${each.partition} of ${topic.name} with ${each.logEndOffset} offsets; the catalogue does not place it here`
      this.#tellAll(journalFileName(0), [
        { consequence: 'refused', problem, meaning: 'its records here are not served' },
      ])
    }
  }

  async #checkKafkasCheckpoints(
    scan: JournalScan | undefined,
    known: ReadonlyMap<Placement, ExpectedPartition>,
  ): Promise<void> {
    if (!scan) return
    const ends = new Map<string, CheckpointEntry>()
    const starts = new Map<string, CheckpointEntry>()
    for (const [{ topic, partition, logStartOffset }, { logEndOffset, segments }] of known) {
      const name = `${topic}-${partition}`
      ends.set(name, { topic, partition, offset: logEndOffset })
      const start = Math.max(logStartOffset, segments[0]?.baseOffset ?? 0)
      starts.set(name, { topic, partition, offset: start })
    }
    await this.#checkKafkas('recovery-point-offset-checkpoint', ends, scan)
    await this.#checkKafkas('replication-offset-checkpoint', ends, scan)
    await this.#checkKafkas('log-start-offset-checkpoint', starts, scan)
  }

  async #checkKafkas(name: string, known: ReadonlyMap<string, CheckpointEntry>, scan: JournalScan): Promise<void> {
    const content = await this.#content(name)
    if (!content) return
    const { fileSystem } = this.#options
    const written = (await fileSystem.stat(this.#path(name))).modifiedMs
    const stopped = (await fileSystem.stat(this.#path(journalFileName(scan.newest.fileIndex)))).modifiedMs
    // `posthorn repair` may have added partitions since.
    const isRepaired = this.#directory.catalogue?.rebuiltMs !== undefined
    const isOfThisStop = scan.clean && written >= stopped && !isRepaired
    this.#tellAll(name, checkOffsetCheckpoint(content, known, isOfThisStop))
  }

  /** What waits for its removal. */
  async #tellDeleted(): Promise<void> {
    for (const name of await this.#options.fileSystem.readdir(this.#directory.path)) {
      if (!isDeletedDirectory(name) || partitionOfDirectory(name)) continue
      const problem = 'the directory of a partition whose topic was deleted'
      this.#tellAll(name, [{ consequence: 'unfinished', problem, meaning: 'the next start removes it' }])
    }
  }
}

/** Where the catalogue does not tell, the partitions that lie there. */
async function placementsIn(
  { catalogue, directoryId, path: root }: CheckedDirectory,
  fileSystem: FileSystem,
): Promise<Placement[]> {
  if (!catalogue || directoryId === undefined) {
    const found = await findPartitions(fileSystem, root)
    return found.flatMap(({ topic, topicId, partition }) =>
      topicId === undefined ? [] : [{ topic, topicId, partition, logStartOffset: 0 }],
    )
  }
  return catalogue.topics.flatMap(({ name, topicId, state, partitions }) =>
    [...partitions.entries()].flatMap(([partition, placed]) =>
      state === 'live' && placed.directoryId === directoryId
        ? [{ topic: name, topicId, partition, logStartOffset: placed.logStartOffset }]
        : [],
    ),
  )
}

function scannedEntries({ rounds }: JournalScan): ScannedEntry[] {
  return rounds.flatMap(({ round, entries }) => entries.map((entry) => ({ round, entry })))
}

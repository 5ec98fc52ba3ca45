import * as path from 'node:path'
import { baseOffset, maxTimestamp, partitionLeaderEpoch } from '../../codec/record-batch.ts'
import type { FileHandle, FileSystem } from '../file-system.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import { isMetadataDamaged } from '../log/damaged-metadata.ts'
import { PARTITION_METADATA_FILE, partitionMetadata } from '../log/partition-directory.ts'
import { passingSegmentPath, segmentFileName } from '../log/segment-name.ts'
import { isMissing } from '../log/storage-failure.ts'
import { readWhole } from '../directory/replace-file.ts'
import { errorCode, errorMessage } from '../startup-error.ts'
import type { ExpectedPartition, ExpectedSegment } from './expected-partition.ts'
import { fileBesideLog } from './file-beside-log.ts'
import type { Finding, FindingSink } from './finding.ts'
import { SegmentIndexCheck } from './index-check.ts'
import type { IndexRows } from './index-rows.ts'
import { checkPiece } from './piece-check.ts'
import { RecordCheck } from './record-check.ts'
import { answered, SegmentBytes } from './segment-bytes.ts'
import { checkSegment, type SegmentDamage } from './segment-check.ts'

export interface CheckedPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** By the catalogue: what is below was deleted for good. */
  readonly logStartOffset: number
  /** Absolute. */
  readonly directory: string
  readonly expected: ExpectedPartition
  /** What the checkpoint of the log directory's journal says of it. */
  readonly checkpoint: CheckpointPartition | undefined
  /** Rounds of the journal are lost: what the files hold behind its end may be theirs. */
  readonly lostRounds: boolean
}

export interface PartitionCheckOptions {
  readonly fileSystem: FileSystem
  readonly rows: IndexRows | undefined
  readonly indexFile: string
  readonly tell: FindingSink
  /** Told of bytes as they are read. */
  readonly onRead: (bytes: number, file: string) => void
}

const REWRITTEN = 'the next start writes the bytes again'
const UNREADABLE = 'readers get an error for these offsets, which names the next one that can be read'

/** Reads all that a partition's directory holds, and tells where it is not what checkpoint and journal say. */
export async function checkPartition(partition: CheckedPartition, options: PartitionCheckOptions): Promise<void> {
  await new PartitionCheck(partition, options).run()
}

class PartitionCheck {
  readonly #partition: CheckedPartition
  readonly #options: PartitionCheckOptions
  readonly #records = new RecordCheck()
  #names: ReadonlySet<string> = new Set()

  constructor(partition: CheckedPartition, options: PartitionCheckOptions) {
    this.#partition = partition
    this.#options = options
  }

  async run(): Promise<void> {
    const { fileSystem } = this.#options
    const { directory, expected } = this.#partition
    try {
      this.#names = new Set(await fileSystem.readdir(directory))
    } catch (error) {
      const problem = isMissing(error) ? 'the directory is missing' : `it cannot be read: ${errorMessage(error)}`
      const meaning = 'the partition is offline until the directory is back; it is never made anew'
      return this.#tell({ file: directory, consequence: 'refused', problem, meaning })
    }
    await this.#checkMetadata()
    if (expected.contradiction !== undefined) {
      const meaning = 'the log directory does not come online'
      this.#tell({ file: directory, consequence: 'refused', problem: expected.contradiction, meaning })
    }
    this.#tellFences()
    for (const segment of expected.segments) await this.#checkSegment(segment)
    for (const name of this.#names) await this.#checkOther(name)
  }

  #tell(finding: Finding): void {
    this.#options.tell(finding)
  }

  get #name(): string {
    return `${this.#partition.topic}-${this.#partition.partition}`
  }

  #offsets(from: number, to: number): NonNullable<Finding['offsets']> {
    const { topic, partition } = this.#partition
    return { topic, partition, from, to }
  }

  /** Nobody reads what lies below the log start. */
  #lost(to: number): Pick<Finding, 'consequence' | 'meaning'> {
    const first = this.#partition.expected.segments[0]?.baseOffset ?? 0
    return to <= Math.max(this.#partition.logStartOffset, first)
      ? { consequence: 'harmless', meaning: 'the records were deleted before: nobody can read them any more' }
      : { consequence: 'lost', meaning: UNREADABLE }
  }

  async #checkMetadata(): Promise<void> {
    const { directory, topicId, checkpoint } = this.#partition
    const file = path.join(directory, PARTITION_METADATA_FILE)
    const content = await this.#wholeOf(file)
    const text = content?.toString('latin1')
    const wanted = partitionMetadata(topicId)
    if (text === wanted) return
    const tell = (problem: string, consequence: Finding['consequence'], meaning: string): void =>
      this.#tell({ file, position: 0, consequence, problem, meaning })
    if (text !== undefined && text.trimEnd() === wanted.trimEnd()) {
      return tell('the file holds more than the topic id', 'harmless', 'the topic id itself can be read')
    }
    const doubt =
      text === undefined ? 'the file is missing' : `it does not name the topic id ${topicId} of ${this.#name}`
    const suspect = { directory, placement: this.#partition, checkpoint }
    if (await isMetadataDamaged(this.#options.fileSystem, suspect)) {
      return tell(doubt, 'rebuilt', 'the next start writes it anew')
    }
    tell(doubt, 'refused', `the partition is offline until the file says 'version: 0' and 'topic_id: ${topicId}'`)
  }

  async #wholeOf(file: string): Promise<Buffer | undefined> {
    try {
      const content = await readWhole(this.#options.fileSystem, file)
      this.#options.onRead(content.length, file)
      return content
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  #tellFences(): void {
    const { expected, directory } = this.#partition
    for (const { from, to } of expected.fenced) {
      const problem = 'records were found lost by an earlier start, which has fenced their offsets'
      this.#tell({ file: directory, offsets: this.#offsets(from, to), problem, ...this.#lost(to) })
    }
  }

  /** The file's name, or that under which compaction left it for the next start. */
  #fileOf({ baseOffset: base, generation }: ExpectedSegment): string | undefined {
    const { directory } = this.#partition
    const swap = passingSegmentPath(directory, { baseOffset: base, generation }, 'swap')
    if (this.#names.has(path.basename(swap))) return swap
    const name = segmentFileName(base)
    return this.#names.has(name) ? path.join(directory, name) : undefined
  }

  async #checkSegment(segment: ExpectedSegment): Promise<void> {
    const { fileSystem } = this.#options
    const file = this.#fileOf(segment)
    const named = path.join(this.#partition.directory, segmentFileName(segment.baseOffset))
    if (file === undefined) return this.#checkBytes(segment, named, undefined, 0)
    let handle: FileHandle
    try {
      handle = await fileSystem.open(file, { readOnly: true })
    } catch (error) {
      const meaning = 'whether its records are whole is not known'
      return this.#tell({
        file,
        consequence: 'refused',
        problem: `it cannot be opened: ${errorMessage(error)}`,
        meaning,
      })
    }
    try {
      await this.#checkBytes(segment, file, handle, await handle.size())
    } catch (error) {
      if (errorCode(error) === undefined) throw error
      const { baseOffset: from, endOffset: to } = segment
      const problem = `reading it failed: ${errorMessage(error)}`
      this.#tell({ file, offsets: this.#offsets(from, to), problem, ...this.#lost(to) })
    } finally {
      await handle.close()
    }
  }

  async #checkBytes(
    segment: ExpectedSegment,
    file: string,
    handle: FileHandle | undefined,
    fileBytes: number,
  ): Promise<void> {
    const isActive = segment === this.#partition.expected.segments.at(-1)
    const isOpenEnded = isActive && this.#partition.lostRounds && fileBytes > segment.sizeBytes
    const bytes = new SegmentBytes(handle, segment.pieces, (count) => this.#options.onRead(count, file))
    const index = this.#indexCheck(segment)
    await answered(
      checkSegment(
        {
          ...segment,
          fenced: this.#partition.expected.fenced,
          ...(isOpenEnded && {
            knownBytes: segment.sizeBytes,
            sizeBytes: fileBytes,
            endOffset: Number.MAX_SAFE_INTEGER,
          }),
        },
        {
          batch: (chunk, at, position) => {
            index?.batch(baseOffset(chunk, at), position, maxTimestamp(chunk, at))
            this.#checkBatch(file, chunk, at, position)
          },
          damage: (damage) => {
            index?.passTo(damage.end)
            this.#tellDamage(file, damage, handle === undefined && segment.sizeBytes > 0)
          },
        },
      ),
      bytes,
    )
    this.#tellIndex(segment, index)
    if (!handle) return
    for (const piece of segment.pieces) {
      const found = await checkPiece(piece, handle, Math.min(fileBytes, segment.sizeBytes))
      if (!found) continue
      const { consequence, ...facts } = found
      const to = piece.lastOffset + 1
      const weight = consequence === 'lost' ? this.#lost(to) : { consequence, meaning: REWRITTEN }
      this.#tell({ file, ...facts, offsets: this.#offsets(piece.firstOffset, to), ...weight })
    }
    if (fileBytes > segment.sizeBytes && !isOpenEnded) this.#tellUnfinished(file, segment.sizeBytes, fileBytes)
  }

  #checkBatch(file: string, chunk: Buffer, at: number, position: number): void {
    const from = baseOffset(chunk, at)
    const fault = this.#records.faultOf(chunk, at)
    if (fault !== undefined) {
      const problem = `the batch has the CRC of its bytes, but its records do not parse: ${fault}`
      const offsets = this.#offsets(from, from + 1)
      this.#tell({ file, position, offsets, problem, ...this.#lost(from + 1) })
    }
    const epoch = partitionLeaderEpoch(chunk, at)
    if (epoch !== 0) {
      const meaning = 'nothing here goes by it, and it is outside of what the CRC covers'
      const problem = `the batch has the leader epoch ${epoch}; every batch is written with 0`
      this.#tell({ file, position: position + 12, end: position + 16, consequence: 'harmless', problem, meaning })
    }
  }

  #tellDamage(file: string, { position, end, from, to, reason }: SegmentDamage, isMissingFile: boolean): void {
    const problem = isMissingFile ? 'the file is missing' : reason
    this.#tell({ file, position, end, offsets: this.#offsets(from, to), problem, ...this.#lost(to) })
  }

  #indexCheck(segment: ExpectedSegment): SegmentIndexCheck | undefined {
    const { rows } = this.#options
    const { topicId, partition } = this.#partition
    const { baseOffset: segmentBaseOffset, generation } = segment
    return rows && new SegmentIndexCheck(rows, { topicId, partition, segmentBaseOffset, generation })
  }

  #tellIndex(segment: ExpectedSegment, index: SegmentIndexCheck | undefined): void {
    if (!index) return
    index.end()
    const { faults } = index
    if (!faults) return
    this.#tell({
      file: this.#options.indexFile,
      offsets: this.#offsets(segment.baseOffset, segment.endOffset),
      consequence: 'rebuilt',
      problem: `${faults.count} ${faults.count === 1 ? 'row is' : 'rows are'} wrong: ${faults.first}`,
      meaning: 'a reader that meets one drops the segment’s rows and walks the segment instead',
    })
  }

  #tellUnfinished(file: string, position: number, end: number): void {
    const problem = 'no durable frame of the journal speaks of these bytes'
    const meaning = 'a commit that a crash or a power cut left unfinished: the next start puts them aside'
    this.#tell({ file, position, end, consequence: 'unfinished', problem, meaning })
  }

  /** What lies beside the segments of the log. */
  async #checkOther(name: string): Promise<void> {
    const { directory, expected, lostRounds } = this.#partition
    if (name === PARTITION_METADATA_FILE) return
    const file = path.join(directory, name)
    if (expected.segments.some((segment) => this.#fileOf(segment) === file)) return
    const told = fileBesideLog(name, expected, lostRounds)
    if (told === undefined) return
    const { sizeBytes } = await this.#options.fileSystem.stat(file)
    if (sizeBytes > 0) this.#tell({ file, ...told })
  }
}

import { decodeBatchesSection, type DecodedEntry } from './batches-section.ts'
import { decodeCheckpointSection, type Checkpoint } from './checkpoint-section.ts'
import { decodeProducersFileSection, type ProducersFileMark } from './producers-file-section.ts'
import { decodeProducersSection } from './producers-section.ts'
import { decodeFrame, FRAME_ALIGNMENT_BYTES, peekFrame, type Frame, type FrameHeader } from './frame.ts'
import { FRAMES_START, readJournalId } from './journal-file.ts'

export interface JournalScan {
  readonly journalId: Buffer
  readonly checkpoint: Checkpoint
  /** What the checkpoint counts on of the `producers` file. */
  readonly producersFile: ProducersFileMark | undefined
  /** What the readable rounds behind the checkpoint committed, in order. */
  readonly rounds: readonly ScannedRound[]
  /**
   * The newest rounds that are missing though a later one is there: rot, not the torn end of a write. 0 = none; else
   * the last of them. Where a whole file is gone, it may have held the newest: then beyond every round that is there.
   */
  readonly lastMissingRound: number
  readonly newest: FrameLocation
  /** Of the newest frame in the other file; 0 = none. */
  readonly otherNewestRound: number
  /** The newest frame is the checkpoint of a clean stop. */
  readonly clean: boolean
}

export interface ScannedRound {
  readonly round: number
  readonly entries: readonly DecodedEntry[]
  /** Of requests that said who they are, one behind the other. */
  readonly facts?: Buffer
}

export interface FrameLocation {
  readonly fileIndex: 0 | 1
  readonly position: number
  readonly header: FrameHeader
}

/**
 * Reads the two journal files (empty where one is missing): the newest checkpoint, then the frames of the rounds that
 * follow it. Undefined if there is no checkpoint: the journal is not this directory's, or lost.
 */
export function scanJournal(contents: readonly [Buffer, Buffer]): JournalScan | undefined {
  const journalId = readJournalId(contents[0]) ?? readJournalId(contents[1])
  if (!journalId) return undefined
  const found = new FoundFrames(contents, journalId)
  const newest = found.newestReadable()
  const newestCheckpoint = found.newestCheckpoint()
  if (!newest || !newestCheckpoint) return undefined
  const { checkpoint, producersFile } = newestCheckpoint
  const rounds: ScannedRound[] = []
  let lastMissingRound = 0
  if (found.fileIsLost) lastMissingRound = Number.MAX_SAFE_INTEGER
  for (let round = checkpoint.coveredRound + 1; round <= newest.header.round; round++) {
    const frame = found.read(round)
    if (!frame) lastMissingRound = Math.max(lastMissingRound, round)
    else if (frame.kind === 'round') {
      const content = contentOf(frame)
      if (content) rounds.push({ round, ...content })
      else lastMissingRound = Math.max(lastMissingRound, round)
    }
  }
  return {
    journalId,
    checkpoint,
    producersFile,
    rounds,
    lastMissingRound,
    newest,
    otherNewestRound: found.newestRoundIn(newest.fileIndex === 0 ? 1 : 0),
    clean: newest.header.kind === 'clean',
  }
}

function contentOf({ sections }: Frame): Omit<ScannedRound, 'round'> | undefined {
  const [batches, producers] = sections
  const entries = batches && decodeBatchesSection(batches)
  if (!entries || sections.length > 2) return undefined
  if (!producers) return { entries }
  const facts = decodeProducersSection(producers)
  return facts && { entries, facts }
}

/** Where frames lie, by their headers; bodies are checked when they are asked for. */
class FoundFrames {
  readonly #contents: readonly [Buffer, Buffer]
  readonly #journalId: Buffer
  readonly #byRound = new Map<number, FrameLocation>()

  constructor(contents: readonly [Buffer, Buffer], journalId: Buffer) {
    this.#contents = contents
    this.#journalId = journalId
    this.#look(0)
    this.#look(1)
  }

  #look(fileIndex: 0 | 1): void {
    const content = this.#contents[fileIndex]
    for (let at = FRAMES_START; at < content.length;) {
      const header = peekFrame(content, at, this.#journalId)
      if (header) this.#keep({ fileIndex, position: at, header })
      // Behind a torn frame lies what was there before: frames of an earlier cycle, at any 4 KiB.
      at += header && this.#whole(fileIndex, at) ? header.sizeBytes : FRAME_ALIGNMENT_BYTES
    }
  }

  /** Of two frames of one round the readable one counts: an attempt cut short by a crash may lie beside it. */
  #keep(location: FrameLocation): void {
    const known = this.#byRound.get(location.header.round)
    if (known && this.#whole(known.fileIndex, known.position)) return
    this.#byRound.set(location.header.round, location)
  }

  #whole(fileIndex: 0 | 1, position: number): boolean {
    return decodeFrame(this.#contents[fileIndex], position, this.#journalId) !== undefined
  }

  read(round: number): Frame | undefined {
    const location = this.#byRound.get(round)
    return location && decodeFrame(this.#contents[location.fileIndex], location.position, this.#journalId)
  }

  /** Both files have their header, durably, before the first frame is written. */
  get fileIsLost(): boolean {
    return this.#contents.some((content, index) => !readJournalId(content) && this.newestRoundIn(index) === 0)
  }

  newestReadable(): FrameLocation | undefined {
    for (const round of this.#roundsNewestFirst()) {
      if (this.read(round)) return this.#byRound.get(round)
    }
    return undefined
  }

  newestCheckpoint(): Pick<JournalScan, 'checkpoint' | 'producersFile'> | undefined {
    for (const round of this.#roundsNewestFirst()) {
      if (this.#byRound.get(round)?.header.kind === 'round') continue
      const frame = this.read(round)
      const [section, producers] = frame?.sections ?? []
      const checkpoint = section && decodeCheckpointSection(section)
      if (checkpoint) return { checkpoint, producersFile: producers && decodeProducersFileSection(producers) }
    }
    return undefined
  }

  newestRoundIn(fileIndex: number): number {
    let newest = 0
    for (const { fileIndex: index, header } of this.#byRound.values()) {
      if (index === fileIndex) newest = Math.max(newest, header.round)
    }
    return newest
  }

  #roundsNewestFirst(): number[] {
    return [...this.#byRound.keys()].sort((one, other) => other - one)
  }
}

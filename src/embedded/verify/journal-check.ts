import { crc32c } from '../../codec/crc32c.ts'
import { decodeFrame, FRAME_ALIGNMENT_BYTES, FRAME_HEADER_BYTES, peekFrame, type FrameHeader } from '../commit/frame.ts'
import { FRAMES_START, readJournalId } from '../commit/journal-file.ts'
import { scanJournal, type JournalScan } from '../commit/journal-scan.ts'
import type { Consequence } from './finding.ts'
import { flippedBit } from './flipped-bit.ts'

/** What is wrong with one of the two journal files. */
export interface JournalFinding {
  readonly fileIndex: 0 | 1
  readonly position?: number
  readonly end?: number
  readonly consequence: Consequence
  readonly problem: string
  readonly meaning: string
}

export interface JournalVerdict {
  /** Undefined: a start finds no checkpoint. */
  readonly scan: JournalScan | undefined
  readonly findings: readonly JournalFinding[]
}

/** Of the file's first block, written once. */
const HEADER_USED_BYTES = 20

/**
 * Judges both files of a commit journal (empty where one is missing) beyond what a start needs to know: also frames that
 * a checkpoint covers, and the zeros that pad frames. What lies behind a file's newest frame is left over from earlier
 * rounds of use: nothing can be told of it, and nothing reads it.
 */
export function checkJournal(contents: readonly [Buffer, Buffer]): JournalVerdict {
  const journalId = readJournalId(contents[0]) ?? readJournalId(contents[1])
  const scan = scanJournal(contents)
  const findings: JournalFinding[] = []
  const covered = scan?.checkpoint.coveredRound ?? 0
  const chains = ([0, 1] as const).map((fileIndex) => {
    const content = contents[fileIndex]
    findings.push(...headerFindings(fileIndex, content))
    return new FrameChain(fileIndex, content, journalId ?? Buffer.alloc(8), covered)
  })
  for (const chain of chains) {
    const other = chains[1 - chain.fileIndex]
    findings.push(...chain.findings, ...chain.endFindings(other))
  }
  return { scan, findings }
}

function headerFindings(fileIndex: 0 | 1, content: Buffer): JournalFinding[] {
  if (content.length === 0) {
    const meaning = 'what was committed last may have been in it: the next start cuts nothing, and may fence offsets'
    return [{ fileIndex, consequence: 'lost', problem: 'the file is missing or empty', meaning }]
  }
  const at = { fileIndex, position: 0, end: FRAMES_START }
  if (!readJournalId(content)) {
    const meaning = 'the next start takes the other file’s and writes it anew'
    return [{ ...at, consequence: 'rebuilt', problem: 'the header of the journal file is damaged', meaning }]
  }
  return strayFindings(fileIndex, content, HEADER_USED_BYTES, FRAMES_START)
}

function strayFindings(fileIndex: 0 | 1, content: Buffer, from: number, end: number): JournalFinding[] {
  const position = firstNonZero(content, from, end)
  if (position < 0) return []
  const meaning = 'nothing reads them; the disk has changed what was written'
  const problem = 'bytes that are only there to fill a block are not zero'
  return [{ fileIndex, position, end, consequence: 'harmless', problem, meaning }]
}

function firstNonZero(content: Buffer, from: number, end: number): number {
  for (let at = from; at < Math.min(end, content.length); at++) if (content[at] !== 0) return at
  return -1
}

interface FoundFrame {
  readonly position: number
  readonly header: FrameHeader
}

/** The frames of a file's present round of use, which lie one behind the other, their rounds without a gap. */
class FrameChain {
  readonly fileIndex: 0 | 1
  readonly findings: JournalFinding[] = []
  readonly #content: Buffer
  readonly #journalId: Buffer
  readonly #covered: number
  readonly #cycle: number
  #firstRound = 0
  #lastRound = 0
  #end = FRAMES_START

  constructor(fileIndex: 0 | 1, content: Buffer, journalId: Buffer, covered: number) {
    this.fileIndex = fileIndex
    this.#content = content
    this.#journalId = journalId
    this.#covered = covered
    this.#cycle = this.#newestCycle()
    this.#walk()
  }

  get #isEmpty(): boolean {
    return this.#lastRound === 0
  }

  #newestCycle(): number {
    let newest = -1
    for (let at = FRAMES_START; at < this.#content.length; at += FRAME_ALIGNMENT_BYTES) {
      const header = peekFrame(this.#content, at, this.#journalId)
      if (header && header.cycle > newest && this.#isWhole(at)) newest = header.cycle
    }
    return newest
  }

  #isWhole(at: number): boolean {
    return decodeFrame(this.#content, at, this.#journalId) !== undefined
  }

  #walk(): void {
    for (;;) {
      const next = this.#nextFrame()
      if (!next) return
      const { position, header } = next
      if (position > this.#end) this.#tellMissing(position, header.round)
      if (this.#firstRound === 0) this.#firstRound = header.round
      this.#lastRound = header.round
      if (this.#isWhole(position)) this.#checkPadding(next)
      else this.#tellFrame(next)
      this.#end = position + header.sizeBytes
    }
  }

  /** Of the file's cycle, the first at or behind the end so far; one that is not whole only if others follow. */
  #nextFrame(): FoundFrame | undefined {
    let torn: FoundFrame | undefined
    for (let at = this.#end; at < this.#content.length; at += FRAME_ALIGNMENT_BYTES) {
      const header = peekFrame(this.#content, at, this.#journalId)
      if (header?.cycle !== this.#cycle || header.round <= this.#lastRound) continue
      if (this.#isWhole(at)) return torn ?? { position: at, header }
      if (at === this.#end) torn = { position: at, header }
    }
    return undefined
  }

  #checkPadding({ position, header }: FoundFrame): void {
    const end = position + header.sizeBytes
    const from = position + FRAME_HEADER_BYTES + header.bodyBytes
    this.findings.push(...strayFindings(this.fileIndex, this.#content, from, end))
  }

  #tellMissing(end: number, nextRound: number): void {
    const first = this.#lastRound === 0 ? undefined : this.#lastRound + 1
    const rounds = first === undefined ? `rounds before ${nextRound}` : roundsText(first, nextRound - 1)
    this.#tell(this.#end, end, nextRound - 1, `there is no frame where ${rounds} must be`)
  }

  #tellFrame({ position, header }: FoundFrame): void {
    const end = position + header.sizeBytes
    this.#tell(position, end, header.round, `the frame of ${roundsText(header.round)} is damaged`)
  }

  #tell(position: number, end: number, lastRound: number, problem: string): void {
    const isCovered = lastRound <= this.#covered
    this.findings.push({
      fileIndex: this.fileIndex,
      position,
      end,
      consequence: isCovered ? 'harmless' : 'lost',
      problem,
      meaning: isCovered
        ? `the checkpoint of round ${this.#covered} covers it: what it committed is in the segments`
        : 'what it committed is lost unless the segments hold it already; the next start cuts nothing and fences the rest',
    })
  }

  /** Where the newest frame of the file should have followers, or is followed by what a crash cut short. */
  endFindings(other: FrameChain | undefined): JournalFinding[] {
    if (this.#cycle < 0) return []
    const isNewest = !other || other.#isEmpty || other.#lastRound < this.#lastRound
    if (!isNewest) {
      if (other.#firstRound <= this.#lastRound + 1) return []
      const problem = `there is no frame where ${roundsText(this.#lastRound + 1, other.#firstRound - 1)} must be`
      const before = this.findings.length
      this.#tell(this.#end, this.#content.length, other.#firstRound - 1, problem)
      return this.findings.splice(before)
    }
    return this.#tailFindings()
  }

  /** What lies behind the newest frame is no frame of this cycle: a write cut short, or one that has rotted since. */
  #tailFindings(): JournalFinding[] {
    const at = this.#end
    if (at + FRAME_HEADER_BYTES > this.#content.length) return []
    const round = this.#lastRound + 1
    const header = peekFrame(this.#content, at, this.#journalId)
    if (header) {
      if (header.cycle !== this.#cycle || header.round !== round) return []
      return [this.#tornOrRotten(at, header, this.#bodyFlip(at, header))]
    }
    const repaired = this.#repairedHeader(at)
    return repaired ? [this.#tornOrRotten(at, repaired, at)] : []
  }

  #tornOrRotten(position: number, header: FrameHeader, flipAt: number | undefined): JournalFinding {
    const place = { fileIndex: this.fileIndex, position, end: position + header.sizeBytes }
    const what = `the frame of ${roundsText(header.round)}, the newest of all,`
    if (flipAt === undefined) {
      const meaning = 'a crash cut it short before it was acknowledged; the next start leaves it out'
      return { ...place, consequence: 'unfinished', problem: `${what} is not whole`, meaning }
    }
    const isRound = header.kind === 'round'
    return {
      ...place,
      consequence: isRound ? 'lost' : 'harmless',
      problem: `${what} differs in one bit from what was written, near byte ${flipAt}`,
      meaning: isRound
        ? 'a start takes it for a write that was cut short: what it committed is lost, though it may have been acknowledged'
        : 'the checkpoint before it and the rounds behind that say the same',
    }
  }

  #bodyFlip(at: number, header: FrameHeader): number | undefined {
    const start = at + FRAME_HEADER_BYTES
    const end = start + header.bodyBytes
    if (end > this.#content.length) return undefined
    const syndrome = (crc32c(this.#content.subarray(start, end)) ^ this.#content.readUInt32BE(at + 40)) >>> 0
    const byte = flippedBit(syndrome, header.bodyBytes)
    return byte === undefined ? undefined : start + byte
  }

  /** The header that one bit's difference has spoilt, if it is that of the round which would be next. */
  #repairedHeader(at: number): FrameHeader | undefined {
    const tried = Buffer.from(this.#content.subarray(at, at + FRAME_HEADER_BYTES))
    for (let bit = 0; bit < FRAME_HEADER_BYTES * 8; bit++) {
      tried[bit >>> 3]! ^= 1 << (bit & 7)
      const header = peekFrame(tried, 0, this.#journalId)
      tried[bit >>> 3]! ^= 1 << (bit & 7)
      if (header?.cycle === this.#cycle && header.round === this.#lastRound + 1) return header
    }
    return undefined
  }
}

function roundsText(first: number, last = first): string {
  return first >= last ? `round ${last}` : `rounds ${first} to ${last}`
}

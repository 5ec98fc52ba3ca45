import type { CallKind, Fault } from '../../../support/memory-file-system.ts'
import { mulberry32 } from '../../../support/mulberry32.ts'

/** Every so many seeds have a disk that fails now and then: the others must do without the excuse. */
const SEEDS_WITH_TROUBLE = 4
/** Of the lives of such a seed. */
const LIVES_SHARE = 0.7
const IN_START_SHARE = 0.3
const FULL_SHARE = 0.2
/** All later calls of the kind fail as well. */
const STICKY_SHARE = 0.3
/** Behind a failed call a crash comes within so many more, mostly. */
const CRASH_WITHIN_CALLS = 60
const CRASH_SHARE = 0.7

interface Aim {
  readonly kinds?: readonly CallKind[]
  readonly pathContains?: string
  /** One of the first so many calls that count fails. */
  readonly calls: number
}

const AIMS: readonly Aim[] = [
  // Whatever changes something.
  { calls: 250 },
  // Segments and files that are begun.
  { kinds: ['open', 'syncDirectory'], calls: 20 },
  // What is laid into segments, and checkpoints.
  { kinds: ['write'], pathContains: '.log', calls: 20 },
  { kinds: ['datasync'], pathContains: '.log', calls: 6 },
  // Frames, and the first ones behind a change of files.
  { kinds: ['write', 'writeDurably', 'datasync'], pathContains: 'journal-', calls: 100 },
  { kinds: ['write', 'writeDurably', 'datasync'], pathContains: 'journal-1', calls: 3 },
  // What is known of requests that may come again.
  { pathContains: 'producers', calls: 8 },
  // Segments that are replaced or removed.
  { kinds: ['rename', 'unlink'], calls: 10 },
  { kinds: ['transaction'], calls: 6 },
  { kinds: ['read', 'stat', 'readdir'], calls: 40 },
]

/** What befalls the disk of one life. */
export interface Trouble {
  readonly fault: Fault
  /** From before the start on, else from behind the audit on. */
  readonly inStart: boolean
}

/** Calls of a seed's disk that fail, and crashes soon behind them. Of a chance of its own: other seeds do what they did. */
export class DiskTroubles {
  readonly #random: () => number
  readonly #isAfflicted: boolean

  constructor(seed: number) {
    this.#random = mulberry32(~seed)
    this.#isAfflicted = seed % SEEDS_WITH_TROUBLE === 0
  }

  /** Of the next life; undefined: none. */
  next(mayBeInStart: boolean): Trouble | undefined {
    if (!this.#isAfflicted || this.#random() >= LIVES_SHARE) return undefined
    const { calls, ...aim } = AIMS[this.#below(AIMS.length)] ?? { calls: 1 }
    const fault: Fault = {
      ...aim,
      nth: 1 + this.#below(calls),
      code: this.#random() < FULL_SHARE ? 'ENOSPC' : 'EIO',
      sticky: this.#random() < STICKY_SHARE,
    }
    return { fault, inStart: this.#random() < IN_START_SHARE && mayBeInStart }
  }

  /** How many calls behind the first that failed the crash comes; Infinity: when it would come anyway. */
  readonly callsToCrash = (): number => (this.#random() < CRASH_SHARE ? this.#below(CRASH_WITHIN_CALLS) : Infinity)

  #below(end: number): number {
    return Math.floor(this.#random() * end)
  }
}

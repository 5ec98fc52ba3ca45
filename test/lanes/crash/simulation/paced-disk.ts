import type { MemoryFileSystem } from '../../../support/memory-file-system.ts'
import type { CallTrace } from './call-trace.ts'

export type CrashKind = 'kill' | 'none' | 'all' | 'random'

export interface CrashPlan {
  /** Just before the call of this number takes effect. */
  readonly atCall: number
  /** A kill leaves every write; else it is a power cut that leaves so much of what was not synced. */
  readonly kind: CrashKind
}

interface PendingCall {
  readonly due: number
  readonly effect: () => void
}

/** How long calls take, in turns. */
export interface Paces {
  readonly mostTurns: number
  /** Of syncs of segments: they may take far longer than the journal's. */
  readonly mostSyncTurns: number
}

/**
 * A disk whose calls take effect in an order that a seed decides, a turn at a time, and which crashes at a call of its
 * own choosing. From then on no call comes back: whoever waits for one is as dead as the process would be.
 */
export class PacedDisk {
  readonly files: MemoryFileSystem
  readonly #random: () => number
  readonly #plan: CrashPlan
  readonly #paces: Paces
  #pending: PendingCall[] = []
  #turn = 0
  #calls = 0
  #crashAtCall: number
  #failures = 0
  #survivor: MemoryFileSystem | undefined

  constructor(
    files: MemoryFileSystem,
    options: {
      readonly random: () => number
      readonly plan: CrashPlan
      readonly paces: Paces
      readonly trace: CallTrace
      /** Of calls, from the first that fails to a crash. */
      readonly callsToCrash?: () => number
    },
  ) {
    this.files = files
    this.#random = options.random
    this.#plan = options.plan
    this.#paces = options.paces
    this.#crashAtCall = options.plan.atCall
    const { trace, callsToCrash = () => Infinity } = options
    files.observe = (call) => {
      trace.add(call)
      if (call.error === undefined || ++this.#failures > 1) return
      this.#crashAtCall = Math.min(this.#crashAtCall, this.#calls + 1 + callsToCrash())
    }
    files.pace = (kind, path) => {
      if (this.#survivor) return new Promise(() => {})
      const isSegmentSync = kind === 'datasync' && path.endsWith('.log')
      const most = isSegmentSync ? this.#paces.mostSyncTurns : this.#paces.mostTurns
      return new Promise((effect) => {
        this.#pending.push({ due: this.#turn + 1 + Math.floor(this.#random() * most), effect })
      })
    }
  }

  /** What the crash has left; undefined until then. */
  get survivor(): MemoryFileSystem | undefined {
    return this.#survivor
  }

  get calls(): number {
    return this.#calls
  }

  /** Calls that failed, crashes aside. */
  get failures(): number {
    return this.#failures
  }

  get isIdle(): boolean {
    return this.#pending.length === 0
  }

  /** Lets the calls take effect that are due; goes on to the next that is where none is. */
  step(): void {
    this.#turn++
    if (this.#survivor || this.#pending.length === 0) return
    let next = Infinity
    for (const { due } of this.#pending) next = Math.min(next, due)
    if (next > this.#turn) this.#turn = next
    const due = this.#pending.filter((call) => call.due <= this.#turn)
    this.#pending = this.#pending.filter((call) => call.due > this.#turn)
    while (due.length > 0) {
      const [call] = due.splice(Math.floor(this.#random() * due.length), 1)
      this.count()
      if (this.#survivor) return
      call?.effect()
    }
  }

  /** One more call; crashes where it is the one. */
  count(): void {
    if (++this.#calls >= this.#crashAtCall) this.crash()
  }

  /** Now, if it has not crashed yet. */
  crash(): MemoryFileSystem {
    const { kind } = this.#plan
    this.#survivor ??= kind === 'kill' ? this.files.kill() : this.files.crash(kind, this.#random)
    this.#pending = []
    return this.#survivor
  }

  get crashKind(): CrashKind {
    return this.#plan.kind
  }
}

import { type FailedCall, type Fault, MemoryFaults } from './memory-faults.ts'

export type CallKind =
  | 'open'
  | 'read'
  | 'write'
  | 'writeDurably'
  | 'datasync'
  | 'truncate'
  | 'mkdir'
  | 'readdir'
  | 'stat'
  | 'rename'
  | 'unlink'
  | 'removeTree'
  | 'syncDirectory'
  | 'transaction'

/** A call that takes effect, or fails. */
export interface Call {
  readonly kind: CallKind
  readonly path: string
  readonly position?: number
  readonly buffers?: readonly Uint8Array[]
  readonly error?: string
}

type CallFacts = Pick<Call, 'position' | 'buffers'>

/** The calls of a disk in memory: when they take effect, who is told, and which of them fail. */
export class MemoryCalls {
  readonly counts = new Map<CallKind, number>()
  /** When a call takes effect, if anybody but `slowness` says so. */
  pace: ((kind: CallKind, path: string) => Promise<void>) | undefined
  /** Turns of the event loop that a call takes; one where this says nothing. */
  slowness: ((kind: CallKind, path: string) => number) | undefined
  /** Told of each call as it takes effect or fails. */
  observe: ((call: Call) => void) | undefined
  /** Whoever calls gets EIO from now on. */
  dead = false
  readonly #faults = new MemoryFaults()
  #late: { due: number; readonly settle: () => void }[] = []

  fail(fault: Fault): void {
    this.#faults.add(fault)
  }

  heal(): void {
    this.#faults.heal()
  }

  get faultsSpent(): boolean {
    return this.#faults.spent
  }

  get failed(): readonly FailedCall[] {
    return this.#faults.met
  }

  /** Every call takes effect some turns of the event loop later, as on a disk, and may fail. */
  async call(kind: CallKind, path: string, facts?: CallFacts): Promise<void> {
    await this.wait(kind, path)
    this.begin(kind, path, facts)
  }

  async wait(kind: CallKind, path: string): Promise<void> {
    if (this.pace) await this.pace(kind, path)
    else for (let turns = this.slowness?.(kind, path) ?? 1; turns > 0; turns--) await breathe()
    if (!this.dead) return
    // Whoever paces the calls plays the process too: it is as dead as its disk, and never hears of this one.
    if (this.pace) await new Promise(() => {})
    throw systemError('EIO', path)
  }

  /** Takes effect at once. */
  begin(kind: CallKind, path: string, facts: CallFacts = {}): void {
    if (this.dead) throw systemError('EIO', path)
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    this.#settleDue()
    const error = this.#faults.codeFor(kind, path)
    this.observe?.({ kind, path, ...facts, ...(error !== undefined && { error }) })
    if (error !== undefined) throw systemError(error, path)
  }

  /** Does it so many calls later. */
  settleLater(calls: number, settle: () => void): void {
    this.#late.push({ due: calls, settle })
  }

  #settleDue(): void {
    if (this.#late.length === 0) return
    const due = this.#late.filter((late) => --late.due <= 0)
    this.#late = this.#late.filter((late) => late.due > 0)
    for (const { settle } of due) settle()
  }
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export function systemError(code: string, where: string): Error {
  return Object.assign(new Error(`${code}: ${where}`), { code })
}

import type { CallKind } from './memory-calls.ts'

export interface Fault {
  /** Calls of these kinds count; all but those that only look if left out. */
  readonly kinds?: readonly CallKind[]
  /** Only calls on paths that contain this. */
  readonly pathContains?: string
  /** The call that fails, 1 = the next that counts. */
  readonly nth: number
  readonly code: 'EIO' | 'ENOSPC' | 'EMFILE' | 'EACCES' | 'EINVAL' | 'ENOENT'
  /** Every later call that counts fails as well. */
  readonly sticky?: boolean
}

/** A call that a fault made fail. */
export interface FailedCall {
  readonly kind: CallKind
  readonly path: string
}

const LOOKS: ReadonlySet<CallKind> = new Set(['read', 'stat', 'readdir'])

/** The faults that a disk is told to have. */
export class MemoryFaults {
  #faults: (Fault & { seen: number })[] = []
  /** What met a fault, in order. */
  readonly met: FailedCall[] = []

  add(fault: Fault): void {
    this.#faults.push({ ...fault, seen: 0 })
  }

  heal(): void {
    this.#faults = []
  }

  /** Every fault was met. */
  get spent(): boolean {
    return this.#faults.every((fault) => fault.seen >= fault.nth)
  }

  /** The error code of a call that fails. */
  codeFor(kind: CallKind, path: string): Fault['code'] | undefined {
    for (const fault of this.#faults) {
      if (fault.kinds ? !fault.kinds.includes(kind) : LOOKS.has(kind)) continue
      if (fault.pathContains !== undefined && !path.includes(fault.pathContains)) continue
      fault.seen++
      if (fault.seen !== fault.nth && !(fault.sticky && fault.seen > fault.nth)) continue
      this.met.push({ kind, path })
      return fault.code
    }
    return undefined
  }
}

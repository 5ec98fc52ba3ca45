import type { Clock } from '../../broker/clock.ts'
import type { DirectoryCondition } from '../log/directory-condition.ts'
import type { SegmentWriter } from '../log/segment-writer.ts'
import type { SpaceGuard } from './space-guard.ts'

export interface AdmissionOptions {
  readonly clock: Clock
  readonly writer: SegmentWriter
  readonly space: SpaceGuard
  readonly condition: DirectoryCondition
  /** Committed bytes that may wait in memory for their segments. */
  readonly pendingMaxBytes: number
}

/** Tried again so often while the disk is full, so that health heals without a request. */
const FULL_RECHECK_MS = 1000

/** Whether a round may be taken: not while there is no space for it, nor while too much is still in memory. */
export class Admission {
  readonly #options: AdmissionOptions
  #rechecking = false

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** True where that can be said at once, which is the rule; else `decide`. */
  admits(queuedBytes: number): boolean {
    const { writer, space, condition, pendingMaxBytes } = this.#options
    if (writer.stuck || condition.full !== undefined || writer.pendingBytes > pendingMaxBytes) return false
    return space.suffices(writer.pendingBytes + queuedBytes)
  }

  /** Makes room in memory, measures the space. False: what is queued must be refused, for the condition's reason. */
  async decide(queuedBytes: () => number): Promise<boolean> {
    const { writer, space, condition, pendingMaxBytes } = this.#options
    if (writer.pendingBytes > pendingMaxBytes && !writer.stuck) await writer.flush().catch(() => {})
    if (condition.state !== 'online') return false
    if (!writer.stuck) {
      const outstanding = writer.pendingBytes + queuedBytes()
      condition.setFull(await space.refusal(outstanding).catch(() => 'its free space cannot be read'))
    }
    if (condition.full === undefined) return true
    this.recheckSoon()
    return false
  }

  /** Whether requests of internal topics may be taken although `decide` said no. */
  admitsInternal(queuedBytes: number): boolean {
    const { writer, space, condition } = this.#options
    if (condition.state !== 'online' || writer.stuck) return false
    return space.sufficesForInternal(writer.pendingBytes + queuedBytes)
  }

  /** The condition says that the disk is full: sees to it that it is asked again. */
  recheckSoon(): void {
    if (this.#rechecking) return
    this.#rechecking = true
    this.#options.clock.setTimer(FULL_RECHECK_MS, () => {
      this.#rechecking = false
      void this.look()
    })
  }

  /** Tells the condition whether the disk is full, though nobody publishes. */
  async look(): Promise<void> {
    const { writer, space, condition } = this.#options
    if (condition.state !== 'online') return
    if (!writer.stuck) condition.setFull(await space.refusal(writer.pendingBytes).catch(() => condition.full))
    if (condition.full !== undefined) this.recheckSoon()
  }
}

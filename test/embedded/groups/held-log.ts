import type { BrokerError } from '../../../src/broker/broker-error.ts'
import type { AppendRequest, AppendResult } from '../../../src/broker/append-request.ts'
import type { ReadRequest, ReadResult } from '../../../src/broker/engine.ts'
import type { OffsetsLog } from '../../../src/embedded/groups/group-coordinator-options.ts'
import type { MemoryEngine } from '../../support/memory-engine.ts'

/** A log whose appends and reads a test can hold back, count and fail. */
export class HeldLog implements OffsetsLog {
  readonly appends: AppendRequest[] = []
  /** Appends wait while this is set. */
  hold = false
  failure: BrokerError | undefined
  readonly #engine: MemoryEngine
  #waiting: (() => void)[] = []

  constructor(engine: MemoryEngine) {
    this.#engine = engine
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    this.appends.push(request)
    if (this.hold) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.failure !== undefined) throw this.failure
    return this.#engine.append(request)
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    if (this.hold) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#engine.read(request)
  }

  release(): void {
    this.hold = false
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

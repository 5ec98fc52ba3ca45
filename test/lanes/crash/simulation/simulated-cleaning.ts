import { batchCompression } from '../../../../src/embedded/cleaning/batch-compression.ts'
import { cleanLog, CleaningStopped } from '../../../../src/embedded/cleaning/clean-log.ts'
import { cleaningEndOf } from '../../../../src/embedded/cleaning/cleaning-end.ts'
import type { CleaningFiles } from '../../../../src/embedded/cleaning/cleaning-files.ts'
import type { CleanedGroup, CleaningJob } from '../../../../src/embedded/cleaning/cleaning-messages.ts'
import type { CleaningThreadSettings, RoundEnd } from '../../../../src/embedded/cleaning/cleaning-thread.ts'
import { OffsetMap } from '../../../../src/embedded/cleaning/offset-map.ts'
import type { CleaningRunner } from '../../../../src/embedded/storage-drivers.ts'

export interface SimulatedCleaningOptions {
  readonly settings: CleaningThreadSettings
  readonly files: () => CleaningFiles
  /** A piece of a file was read or written. */
  readonly onIo: () => void
  /** A group of segments was made. */
  readonly onGroup: () => void
}

/** Compaction in the simulation's own thread: group by group, other work in between. */
export class SimulatedCleaning implements CleaningRunner {
  readonly #options: SimulatedCleaningOptions
  #stopped = false

  constructor(options: SimulatedCleaningOptions) {
    this.#options = options
  }

  async clean(job: CleaningJob, onGroup: (group: CleanedGroup) => Promise<boolean>): Promise<RoundEnd> {
    const { settings, files, onIo, onGroup: made } = this.#options
    this.#stopped = false
    const { secret, dedupeBytes: maxBytes, loadFactor, ioBufferBytes } = settings
    const round = cleanLog(job, {
      map: new OffsetMap({ secret, maxBytes, loadFactor }),
      compression: batchCompression,
      ioBufferBytes,
      files: files(),
      onIo: () => {
        onIo()
        if (this.#stopped) throw new CleaningStopped()
      },
    })
    try {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve))
        const step = round.next()
        if (step.done) return step.value ? { outcome: 'cleaned', figures: { ...step.value, durationMs: 0 } } : abandoned
        made()
        if (!(await onGroup(step.value).catch(() => false))) return abandoned
      }
    } catch (error) {
      return cleaningEndOf(error)
    } finally {
      round.return(undefined)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async close(): Promise<void> {}
}

const abandoned = { outcome: 'abandoned' } as const

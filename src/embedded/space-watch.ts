import type { Clock, Timer } from '../broker/clock.ts'
import type { Logger } from '../broker/logger.ts'
import type { DirectoryHost } from './directory-host.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import { errorMessage } from './startup-error.ts'
import type { Storage } from './storage.ts'

const INTERVAL_MS = 5_000
/** The reserve is taken back only when there is room for a few of it. */
const RESTORE_FREE_RESERVES = 4

/**
 * Looks at the free space of the log directories now and then: fills the reserves up again when there is room, and has it
 * told when a disk is full.
 */
export class SpaceWatch {
  readonly #directories: readonly LogDirectory[]
  readonly #hosts: readonly Pick<DirectoryHost, 'log'>[]
  readonly #clock: Clock
  readonly #logger: Logger
  #timer: Timer | undefined
  #look: Promise<void> = Promise.resolve()
  #stopped = false

  constructor({ directories, hosts }: Pick<Storage, 'directories' | 'hosts'>, clock: Clock, logger: Logger) {
    this.#directories = directories
    this.#hosts = hosts
    this.#clock = clock
    this.#logger = logger
  }

  start(): void {
    this.#look = this.#lookAtAll()
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#look
  }

  async #lookAtAll(): Promise<void> {
    await Promise.all(this.#directories.map((directory) => this.#lookAt(directory)))
    await Promise.all(this.#hosts.map(({ log }) => log.lookAtSpace()))
    if (this.#stopped) return
    this.#timer = this.#clock.setTimer(INTERVAL_MS, () => this.start())
  }

  async #lookAt(directory: LogDirectory): Promise<void> {
    if (!directory.online) return
    try {
      await directory.refreshSpace()
      const { reserve, freeBytes } = directory
      if (!reserve.held && freeBytes >= RESTORE_FREE_RESERVES * reserve.sizeBytes) await reserve.restore()
    } catch (error) {
      this.#logger.warn({ logDir: directory.path }, `its free space cannot be told: ${errorMessage(error)}`)
    }
  }
}

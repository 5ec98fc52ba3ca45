import { BrokerError, type Stored } from '../../broker/broker-error.ts'
import type { Logger } from '../../broker/logger.ts'

export type DirectoryState = 'online' | 'read-only' | 'offline'

/** Seconds a client should wait before it asks a failed directory again: a person has to act first. */
const RETRY_AFTER_FAILURE_SECONDS = 30
const RETRY_AFTER_FULL_SECONDS = 5

/**
 * Whether a log directory may be used, and why not. It only ever gets worse: a restart looks at the disk anew.
 *
 * `read-only` (poisoned): a write or sync failed, so nothing about unsynced bytes may be assumed; reads go on at what is
 * durable. `offline`: an open, rename or directory sync failed; nothing is served.
 */
export class DirectoryCondition {
  readonly path: string
  readonly #logger: Logger
  readonly #onChange: () => void
  readonly #listeners = new Set<() => void>()
  #state: DirectoryState = 'online'
  #reason: string | undefined
  #full: string | undefined

  constructor(path: string, logger: Logger, onChange: () => void) {
    this.path = path
    this.#logger = logger
    this.#onChange = onChange
  }

  get state(): DirectoryState {
    return this.#state
  }

  get reason(): string | undefined {
    return this.#reason
  }

  /** Why nothing can be published for lack of space; undefined while it can. Heals. */
  get full(): string | undefined {
    return this.#full
  }

  onFailure(listener: () => void): void {
    this.#listeners.add(listener)
  }

  poison(what: string, cause: unknown): void {
    this.#worsen('read-only', what, cause)
  }

  takeOffline(what: string, cause: unknown): void {
    this.#worsen('offline', what, cause)
  }

  #worsen(state: DirectoryState, what: string, cause: unknown): void {
    const known = this.#state
    if (known === 'offline' || known === state) return
    this.#state = state
    this.#reason = `${what}: ${cause instanceof Error ? cause.message : String(cause)}`
    this.#logger.error({ err: cause, directory: this.path, state }, `log directory is now ${state}: ${what}`)
    for (const listener of this.#listeners) listener()
    this.#onChange()
  }

  setFull(reason: string | undefined): void {
    if ((this.#full === undefined) !== (reason === undefined)) {
      if (reason === undefined) this.#logger.info({ directory: this.path }, 'log directory has space again')
      else this.#logger.error({ directory: this.path }, `log directory takes no records: ${reason}`)
      this.#full = reason
      this.#onChange()
    } else this.#full = reason
  }

  /** For a request that meets the directory as it is. */
  error(stored: Stored): BrokerError {
    if (this.#state === 'online') {
      return new BrokerError(
        'KAFKA_STORAGE_ERROR',
        `The log directory ${this.path} takes no records: ${this.#full ?? 'it has no space'}. Free space there, then try again.`,
        { stored, retryAfterSeconds: RETRY_AFTER_FULL_SECONDS },
      )
    }
    return new BrokerError(
      'KAFKA_STORAGE_ERROR',
      `The log directory ${this.path} is ${this.#state} (${this.#reason}). Check the disk and restart the server.`,
      { stored, retryAfterSeconds: RETRY_AFTER_FAILURE_SECONDS },
    )
  }
}

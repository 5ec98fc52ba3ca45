import type { CatalogueChange, CatalogueState } from './catalogue-state.ts'

/** How the main thread and the catalogue's worker speak. Each request has one reply, in the same order. */
export interface WorkerStart {
  readonly kind: 'open'
  /** Absolute path of catalogue.db. */
  readonly file: string
  /** Given: make a new catalogue that holds this. */
  readonly initial?: CatalogueState
}

/** `open` comes first, once. */
export type WorkerRequest = WorkerStart | CatalogueChange | 'close'

export interface WorkerReply {
  /** In the reply to `open`. */
  readonly state?: CatalogueState | undefined
  readonly error?: {
    readonly message: string
    readonly code: string | undefined
    /** A StartupError: the message is the operator's. */
    readonly startup: boolean
  }
}

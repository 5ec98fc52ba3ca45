/** Figures of the HTTP side at one moment, for `/metrics`. Counters run from the start of the process. */
export interface HttpStatistics {
  /** Request bodies being received, and publishing that is not through yet. */
  readonly requestBytes: number
  /** Pages that their clients have not taken yet. */
  readonly replyBytes: number
  readonly shed: Readonly<Record<ShedReason, number>>
}

/**
 * Why a request was not served for the sake of the others: no room for its body or for its page (both are 503), too many
 * requests on one connection, or a reply that its client does not take (the connection is closed).
 */
export type ShedReason = 'request-bytes' | 'reply-bytes' | 'pipelining' | 'reply-timeout'

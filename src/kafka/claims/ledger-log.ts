/** The log of a ledger, as those see it who tell for themselves what is committed in it. */
export interface LedgerLog {
  /** Another one where the topic was deleted and made again. Undefined where it is not known that there is one. */
  readonly topicId: string | undefined
  /** Behind all that is replicated, whether its transaction has ended or not. Rejects with a BrokerError, as all here. */
  end(partition: number): Promise<number>
  /** The first offset with a record as young as that; undefined where there is none. */
  firstSince(partition: number, timestampMs: number): Promise<number | undefined>
  /** Batches from that offset on, markers of transactions too; undefined where the log begins behind it or ends before it. */
  read(partition: number, offset: number, maxBytes: number): Promise<Buffer | undefined>
}

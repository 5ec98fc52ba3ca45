/** What the Kafka engine does otherwise than the embedded one, and why. docs/scaling.md shows it as a table. */
export interface EngineDifference {
  /** The name of the test of the conformance suite that it is left out of. */
  readonly test: string
  /** What a user sees, as a sentence. */
  readonly difference: string
  /** Why it is so, as a sentence. */
  readonly reason: string
}

export const kafkaDifferences: readonly EngineDifference[] = [
  {
    test: 'a join ends what was handed out before it',
    difference: 'A member that joins again under its id keeps its epoch, and cursors of before its join still count.',
    reason: 'Kafka moves the epoch of a member only where a join changes who owns what.',
  },
  {
    test: 'a description says who the clients are',
    difference: 'The description of a group shows the client.id and the address of the gateway for members over HTTP.',
    reason: 'Kafka takes both from the connection that a member comes through.',
  },
]

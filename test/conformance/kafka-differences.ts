/** What the Kafka engine does otherwise than the embedded one, and why. docs/scaling.md shows it as a table. */
export interface EngineDifference {
  /** The name of the test of the conformance suite that it is left out of. */
  readonly test: string
  /** What a user sees, as a sentence. */
  readonly difference: string
  /** Why it is so, as a sentence. */
  readonly reason: string
}

export const kafkaDifferences: readonly EngineDifference[] = []

/**
 * Who is to own which partition, decided from subscriptions alone: no clock, no randomness, the same input gives the same
 * output. Members and partitions are numbers. Partition `p` of the topic at index `t` has the number
 * `p + (partition counts of all topics before t)`.
 */
export type Assignor = (input: AssignorInput) => Int32Array

export interface AssignorInput {
  readonly memberCount: number
  readonly topics: readonly AssignorTopic[]
  /** For each partition the member that was to own it before; −1 = nobody. Never a member that is not subscribed. */
  readonly previous: Int32Array
}

export interface AssignorTopic {
  readonly partitionCount: number
  /** Members subscribed to the topic, ascending. */
  readonly subscribers: Int32Array
}

/** The member of each partition; −1 where nobody is subscribed. */
export const NOBODY = -1

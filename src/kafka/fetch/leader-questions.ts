import { BrokerError } from '../../broker/broker-error.ts'
import type { Clock } from '../../broker/clock.ts'
import type { ClusterClient } from '../cluster-client.ts'
import type { ClusterTopic } from '../cluster-metadata.ts'
import { asBrokerError, isConnectionFailure, isPassing, refusal } from '../kafka-errors.ts'
import { stoppingError } from '../stopping-error.ts'
import { pause } from '../time-limits.ts'
import { partitionKeyOf, type PartitionId } from './fetch-request.ts'

/** What is to be known of a cluster to find leaders: a `ClusterClient`. */
export type LeaderDirectory = Pick<ClusterClient, 'metadata' | 'refresh' | 'backoffMs' | 'stopping' | 'reachable'> & {
  readonly options: { readonly clock: Clock }
}

/** What is asked of a partition's leader. */
export interface PartitionQuestion {
  readonly topic: string
  /** If given, a topic of that name with another id is UNKNOWN_TOPIC_ID. */
  readonly topicId?: string
  readonly partition: number
}

export interface Located<Q extends PartitionQuestion> extends PartitionId {
  readonly question: Q
  readonly topic: ClusterTopic
  readonly leader: number
}

/** What the leader said: an answer, or one of Kafka's error numbers. */
export type Outcome<A> = { readonly answer: A } | { readonly kafkaCode: number }

export interface AskOptions<Q extends PartitionQuestion, A> {
  /** Asks one node about several partitions, each at most once; resolves with outcomes in their order. */
  readonly ask: (nodeId: number, located: readonly Located<Q>[]) => Promise<readonly Outcome<A>[]>
  /** How long trouble that may pass is tried to get over. */
  readonly patienceMs: number
  /** True where the others' answers are worth more at once than these. */
  readonly isEnough?: (answer: A) => boolean
  /** True once nobody wants to wait: only what passes in a moment is still got over. */
  readonly isOver?: () => boolean
  /** Completes "The cluster refused …". */
  readonly doing: string
}

/** What one node has not heard of yet, or not any more, another one may know. */
const LOOKS_FOR_UNKNOWN = 2

/** A leader that is just being made is worth so much; a longer search is not, while others have answers. */
const PATIENCE_WITH_ANSWERS_MS = 500
/** Who waits no longer is still to be told what is there, rather than of a leader that is just being made. */
const PATIENCE_WHEN_OVER_MS = 500

interface Pending<Q> {
  readonly index: number
  readonly question: Q
}

/**
 * Asks the leaders of partitions, all at once, and those whose leader moved, or does not answer, again where it is then.
 * Resolves with an answer or an error for each question, in their order.
 */
export async function askLeaders<Q extends PartitionQuestion, A>(
  client: LeaderDirectory,
  questions: readonly Q[],
  options: AskOptions<Q, A>,
): Promise<readonly (A | BrokerError)[]> {
  const { clock } = client.options
  const start = clock.monotonic()
  let deadline = start + options.patienceMs
  let isOver = false
  const answers = new Map<number, A | BrokerError>()
  let pending: readonly Pending<Q>[] = questions.map((question, index) => ({ index, question }))
  for (let failures = 0; ; failures++) {
    const passing = await askOnce(client, pending, options, answers, failures >= LOOKS_FOR_UNKNOWN)
    pending = passing.map(({ pending: { index, question } }) => ({ index, question }))
    if (!isOver && options.isOver?.() === true) {
      isOver = true
      deadline = Math.min(deadline, clock.monotonic() + PATIENCE_WHEN_OVER_MS)
    }
    const left = deadline - clock.monotonic()
    const enough = [...answers.values()].some(
      (answer) => !(answer instanceof BrokerError) && options.isEnough?.(answer),
    )
    const isTold = enough && clock.monotonic() - start >= PATIENCE_WITH_ANSWERS_MS
    const isStopped = client.stopping.aborted
    const isLast = left <= 0 || isTold || (failures > 0 && !client.reachable) || isStopped
    if (pending.length === 0 || isLast) {
      for (const {
        pending: { index },
        error,
      } of passing)
        answers.set(index, isStopped ? stoppingError() : error)
      return questions.map((_, index) => answers.get(index) ?? new BrokerError('UNKNOWN_SERVER_ERROR', 'no answer'))
    }
    if (failures > 0) await pause(Math.min(client.backoffMs(failures - 1), left), clock, client.stopping)
    await client.refresh().catch(() => {})
  }
}

interface Passing<Q> {
  readonly pending: Pending<Q>
  readonly error: BrokerError
}

/**
 * Puts down what is final; resolves with what is worth another try.
 * @param isFresh the metadata was asked for anew, and not only of one node that may be behind
 */
async function askOnce<Q extends PartitionQuestion, A>(
  client: LeaderDirectory,
  pending: readonly Pending<Q>[],
  options: AskOptions<Q, A>,
  answers: Map<number, A | BrokerError>,
  isFresh: boolean,
): Promise<readonly Passing<Q>[]> {
  const passing: Passing<Q>[] = []
  const asked: { pending: Pending<Q>; located: Located<Q> }[] = []
  for (const entry of pending) {
    const located = locate(client, entry.question)
    // What the metadata does not know may have come since.
    if (located instanceof BrokerError && isFresh && !located.retriable) answers.set(entry.index, located)
    else if (located instanceof BrokerError) passing.push({ pending: entry, error: located })
    else asked.push({ pending: entry, located })
  }
  const rounds = roundsOf(asked)
  await Promise.all(
    rounds.map(async (round) => {
      const outcomes = await outcomesOf(round, options)
      for (const [at, entry] of round.entries()) {
        const outcome = outcomes[at]
        if (outcome instanceof BrokerError) passing.push({ pending: entry.pending, error: outcome })
        else if (outcome === undefined) throw new Error('an outcome is missing')
        else if ('answer' in outcome) answers.set(entry.pending.index, outcome.answer)
        else refuse(entry, outcome.kafkaCode)
      }
    }),
  )
  return passing

  function refuse({ pending: entry, located }: (typeof asked)[number], kafkaCode: number): void {
    const error = refusal(kafkaCode, options.doing + ` of ${located.topic.name}-${located.partition}`)
    if (isPassing(kafkaCode)) passing.push({ pending: entry, error })
    else answers.set(entry.index, error)
  }
}

/** Outcomes, or for all of them that the node could not be asked, which may pass. */
async function outcomesOf<Q extends PartitionQuestion, A>(
  round: readonly { readonly located: Located<Q> }[],
  { ask, doing }: AskOptions<Q, A>,
): Promise<readonly (Outcome<A> | BrokerError)[]> {
  try {
    const [first] = round
    if (first === undefined) return []
    return await ask(
      first.located.leader,
      round.map(({ located }) => located),
    )
  } catch (error) {
    if (!(error instanceof BrokerError) && !isConnectionFailure(error)) throw error
    const told = asBrokerError(error, doing)
    return round.map(() => told)
  }
}

/** By node; a partition asked for twice is asked for in a further round. */
function roundsOf<T extends { readonly located: Located<PartitionQuestion> }>(asked: readonly T[]): T[][] {
  const rounds = new Map<string, T[]>()
  const seen = new Map<string, number>()
  for (const entry of asked) {
    const key = partitionKeyOf(entry.located)
    const round = seen.get(key) ?? 0
    seen.set(key, round + 1)
    const name = `${entry.located.leader} ${round}`
    const entries = rounds.get(name)
    if (entries === undefined) rounds.set(name, [entry])
    else entries.push(entry)
  }
  return [...rounds.values()]
}

/** Where the partition is by what is known now. */
export function locate<Q extends PartitionQuestion>(client: LeaderDirectory, question: Q): Located<Q> | BrokerError {
  const { topic: name, topicId, partition } = question
  const topic = client.metadata.topics.get(name)
  if (topic === undefined) return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic '${name}'.`)
  if (topicId !== undefined && topicId !== topic.topicId) {
    return new BrokerError(
      'UNKNOWN_TOPIC_ID',
      `The topic '${name}' was deleted and created again: its id is ${topic.topicId}, not ${topicId}. Start anew, ` +
        `without the old cursor.`,
    )
  }
  const found = topic.partitions[partition]
  if (found === undefined) {
    return new BrokerError(
      'UNKNOWN_TOPIC_OR_PARTITION',
      `The topic '${name}' has no partition ${partition}: it has 0 to ${topic.partitions.length - 1}.`,
    )
  }
  if (found.leader < 0) {
    return new BrokerError(
      'LEADER_NOT_AVAILABLE',
      `Partition ${partition} of '${name}' has no leader now. Send the request again.`,
      { retryAfterSeconds: 1 },
    )
  }
  return { question, topic, uuid: topic.uuid, partition, leader: found.leader }
}

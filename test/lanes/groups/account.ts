import { type Delivery, type Hold, HoldReader, type LateCommit } from './holds.ts'
import type { Entry, PartitionOffset } from './journal.ts'
import { OffsetHistory } from './offset-history.ts'

export interface Account {
  /** What went wrong, in sentences; empty where a user has nothing to complain about. */
  readonly violations: readonly string[]
  readonly delivered: number
  /** Records that were delivered again, because they were not committed when their owner lost them. */
  readonly deliveredAgain: number
  /** Partitions that a commit was refused for, and commits of members that were none any more. */
  readonly refusedPartitions: number
  readonly refusedCommits: number
  readonly lostMemberships: number
  readonly pages: number
}

type Owned<Kind extends Entry['kind']> = Extract<Entry, { readonly kind: Kind }> & { readonly owner: string }

/**
 * Holds what the members of a group were told and got against what they may expect; `ends` are the log ends of the
 * partitions. All moments are those of clients: a call took effect somewhere between its sending and its answer, so each
 * rule is applied only where that leaves no doubt.
 */
export function accountOf(journals: ReadonlyMap<string, readonly Entry[]>, ends: readonly number[]): Account {
  const readers = [...journals].map(([name, entries]) => {
    const reader = new HoldReader(name)
    reader.read(entries)
    return reader
  })
  const entries = [...journals.values()].flat()
  const holds = untilNextJoin(
    readers.flatMap((reader) => reader.holds),
    entries,
  )
  const deliveries = readers.flatMap((reader) => reader.deliveries)
  const commits = [...journals.values()].flatMap((own) => owned(own, 'committed'))
  const committing = [...journals.values()].flatMap((own) => owned(own, 'committing'))
  const offered = histories(
    ends.length,
    entries.flatMap((entry) => (entry.kind === 'committing' ? [{ at: entry.at, offsets: entry.offered }] : [])),
  )
  const known = histories(
    ends.length,
    entries.flatMap((entry) =>
      entry.kind === 'committed' || entry.kind === 'observed' ? [{ at: entry.received, offsets: entry.items }] : [],
    ),
  )
  const covered = coverage(deliveries, ends)
  return {
    violations: [
      ...readers.flatMap((reader) => reader.violations),
      ...overlaps(holds),
      ...covered.violations,
      ...deliveries.flatMap((delivery) => misplaced(delivery, known, offered)),
      ...backwards(entries, known),
      ...readers.flatMap(({ lateCommits }) => lateCommits).flatMap((late) => lateButStored(late, committing)),
      ...commits.flatMap((commit) => misjudged(commit, holds, committing)),
    ],
    delivered: covered.delivered,
    deliveredAgain: deliveries.reduce((sum, { from, to }) => sum + to - from, 0) - covered.delivered,
    refusedPartitions: commits.reduce((sum, { refused }) => sum + refused.length, 0),
    refusedCommits: entries.filter((entry) => entry.kind === 'lost' && entry.doing === 'committing').length,
    lostMemberships: entries.filter(({ kind }) => kind === 'lost').length,
    pages: entries.filter(({ kind }) => kind === 'page').length,
  }
}

function owned<Kind extends Entry['kind']>(entries: readonly Entry[], kind: Kind): Owned<Kind>[] {
  let owner = ''
  const found: Owned<Kind>[] = []
  for (const entry of entries) {
    if (entry.kind === 'joined') owner = entry.owner
    if (entry.kind === kind) found.push({ ...(entry as Extract<Entry, { readonly kind: Kind }>), owner })
  }
  return found
}

/** A process that was killed cannot say when its successor came. */
function untilNextJoin(holds: readonly Hold[], entries: readonly Entry[]): Hold[] {
  const joins = entries.filter((entry) => entry.kind === 'joined')
  return holds.map((hold) => {
    const next = joins.filter(({ owner, first }) => owner === hold.owner && first > hold.from)
    return { ...hold, to: Math.min(hold.to, ...next.map(({ first }) => first)) }
  })
}

function histories(
  count: number,
  moments: readonly { readonly at: number; readonly offsets: readonly PartitionOffset[] }[],
): OffsetHistory[] {
  const all = Array.from({ length: count }, () => new OffsetHistory())
  for (const { at, offsets } of moments)
    for (const [partition, nextOffset] of offsets) all[partition]?.add(at, nextOffset)
  return all
}

/** No two owners hold one partition at once. */
function overlaps(holds: readonly Hold[]): string[] {
  const found: string[] = []
  for (const [partition, own] of Map.groupBy(holds, (hold) => hold.partition)) {
    const sorted = own.toSorted((a, b) => a.from - b.from)
    let longest: Hold | undefined
    for (const hold of sorted) {
      if (longest !== undefined && longest.owner !== hold.owner && hold.from < longest.to)
        found.push(
          `${longest.owner} and ${hold.owner} both held partition ${partition} for ${(Math.min(hold.to, longest.to) - hold.from).toFixed(1)} ms from ${hold.from.toFixed(1)} on`,
        )
      if (longest === undefined || hold.to > longest.to) longest = hold
    }
  }
  return found
}

/** Every record is delivered at least once. */
function coverage(
  deliveries: readonly Delivery[],
  ends: readonly number[],
): { readonly violations: string[]; readonly delivered: number } {
  const violations: string[] = []
  let delivered = 0
  const byPartition = Map.groupBy(deliveries, ({ partition }) => partition)
  for (const [partition, end] of ends.entries()) {
    let next = 0
    for (const { from, to } of (byPartition.get(partition) ?? []).toSorted((a, b) => a.from - b.from)) {
      if (from > next) violations.push(`nobody got the records ${next} to ${from - 1} of partition ${partition}`)
      delivered += Math.max(0, to - Math.max(from, next))
      next = Math.max(next, to)
    }
    if (next < end) violations.push(`nobody got the records ${next} to ${end - 1} of partition ${partition}`)
    if (next > end) violations.push(`partition ${partition} ends at ${end}, and ${next - 1} was delivered`)
  }
  return { violations, delivered }
}

/** A page begins where the last one of the same owner ended, else at the committed offset. */
function misplaced(
  { owner, partition, from, expected, sent, received }: Delivery,
  known: readonly OffsetHistory[],
  offered: readonly OffsetHistory[],
): string[] {
  const found: string[] = []
  const lowest = known[partition]?.highestBefore(sent) ?? -1
  const highest = Math.max(0, offered[partition]?.highestBefore(received) ?? 0)
  const where = `${owner} got partition ${partition} from ${from} on`
  if (from < lowest) found.push(`${where}, when ${lowest} had been committed`)
  if (expected !== undefined && from !== expected) found.push(`${where}, after it had read up to ${expected}`)
  if (expected === undefined && from > highest) found.push(`${where}, when nobody had committed more than ${highest}`)
  return found
}

/** Committed offsets never move back, whoever looks. */
function backwards(entries: readonly Entry[], known: readonly OffsetHistory[]): string[] {
  return entries.flatMap((entry) => {
    if (entry.kind !== 'committed' && entry.kind !== 'observed') return []
    return entry.items.flatMap(([partition, nextOffset]) => {
      const before = known[partition]?.highestBefore(entry.sent) ?? -1
      return nextOffset < before
        ? [`the committed offset of ${partition} went from ${before} back to ${nextOffset}`]
        : []
    })
  })
}

/**
 * A commit for a partition that another owner held all the while must not be stored, and one for a partition held all the
 * while must be. What somebody else had committed already counts as committed, whoever offers it.
 */
function misjudged(
  commit: Owned<'committed'>,
  holds: readonly Hold[],
  committing: readonly Owned<'committing'>[],
): string[] {
  const { owner, first, received, offered, refused } = commit
  const throughout = holds.filter((hold) => hold.from < first && hold.to > received)
  const wronglyRefused = refused.filter((partition) =>
    throughout.some((hold) => hold.partition === partition && hold.owner === owner),
  )
  const wronglyTaken = offered.filter(
    ([partition, nextOffset]) =>
      !refused.includes(partition) &&
      throughout.some((hold) => hold.partition === partition && hold.owner !== owner) &&
      !offeredByOthers({ owner, partition, nextOffset, received }, committing),
  )
  return [
    ...wronglyRefused.map((partition) => `a commit of ${owner} for ${partition}, which it held, was refused`),
    ...wronglyTaken.map(([partition]) => `a stale commit of ${owner} for ${partition} was accepted`),
  ]
}

function lateButStored(late: LateCommit, committing: readonly Owned<'committing'>[]): string[] {
  if (offeredByOthers(late, committing)) return []
  return [`${late.owner} had let go of ${late.partition}, and its commit of ${late.nextOffset} was accepted`]
}

/** What somebody else may have committed counts as committed, whoever offers it. */
function offeredByOthers(
  { owner, partition, nextOffset, received }: LateCommit,
  committing: readonly Owned<'committing'>[],
): boolean {
  return committing.some(
    (other) =>
      other.owner !== owner &&
      other.at < received &&
      other.offered.some(([p, offset]) => p === partition && offset >= nextOffset),
  )
}

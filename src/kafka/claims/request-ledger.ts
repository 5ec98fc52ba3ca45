import type { Clock } from '../../broker/clock.ts'
import type { Logger } from '../../broker/logger.ts'
import { pause } from '../time-limits.ts'
import { readLedgerEntry, type LedgerEntry } from './ledger-entry.ts'
import type { LedgerLog } from './ledger-log.ts'
import { LedgerPartition, valueAt } from './ledger-partition.ts'
import { RecentEntries } from './recent-entries.ts'
import { entryUnreadable, ledgerUnread } from './request-errors.ts'
import type { RequestName } from './request-name.ts'

const READ_BYTES = 1024 * 1024
/** How long the end that a leader told of may take to be read. */
const SILENCE_MS = 3000
const SILENCE_STEP_MS = 20
/** Clocks of gateways differ: what is older than an entry lives may be young for the one who made it. */
const CLOCK_DIFFERENCE_MS = 5 * 60_000
/** What others store is read at the latest when so much of it may be there. */
const UNREAD_MAX = 5000

export interface RequestLedgerOptions {
  readonly topic: string
  readonly log: LedgerLog
  readonly clock: Clock
  readonly logger: Logger
  readonly stopping: AbortSignal
  /** How long an entry is in force; older ones are not read. */
  readonly lifetimeMs: number
  /** Of entries used last, which are held in memory. */
  readonly recentBytesMax: number
}

interface OpenPartition extends LedgerPartition {
  reading?: Promise<void> | undefined
}

/**
 * What is known of requests: where in the ledger the newest entry of each producer or key is, read from its partitions on
 * first use and on from there when asked. A partition holds all that fell into it, so that what is not there was never
 * stored. The entries themselves are read when they are asked for, unless they were used lately.
 */
export class RequestLedger {
  readonly #options: RequestLedgerOptions
  readonly #partitions = new Map<number, OpenPartition>()
  readonly #recent: RecentEntries
  #topicId: string | undefined

  constructor(options: RequestLedgerOptions) {
    this.#options = options
    this.#recent = new RecentEntries(options.recentBytesMax)
  }

  get sizeBytes(): number {
    let bytes = this.#recent.sizeBytes
    for (const { index } of this.#partitions.values()) bytes += index.sizeBytes
    return bytes
  }

  /** Producers or keys that are known. */
  get count(): number {
    let count = 0
    for (const { index } of this.#partitions.values()) count += index.count
    return count
  }

  /** What it takes to remember this one too; 0 for one that is remembered. */
  growthBytes({ partition, digest }: RequestName): number {
    const { index } = this.#partition(partition)
    return index.offsetOf(digest) < 0 ? index.growthBytes : 0
  }

  /** Forgets what is not in force any more. */
  sweep(): void {
    for (const { index } of this.#partitions.values()) index.sweep(this.#expiredMs)
  }

  /** As far as it was read. Rejects where there is an entry that cannot be told. */
  async find(name: RequestName): Promise<LedgerEntry | undefined> {
    for (let looks = 0; ; looks++) {
      const offset = this.#partition(name.partition).index.offsetOf(name.digest)
      if (offset < 0) return undefined
      const known = this.#recent.find(name.text, offset) ?? (await this.#readEntry(name, offset))
      if (known !== undefined) return known
      // Compaction removes an entry when there is one behind it: then that one is to be found.
      await this.catchUp(name)
      const isNewer = this.#partition(name.partition).index.offsetOf(name.digest) !== offset
      if (this.#isExpired(name)) return undefined
      if (!isNewer || looks > 2) throw entryUnreadable(this.#options.topic, whoIs(name))
    }
  }

  /** Told by the one who wrote it, when it is committed. */
  put(name: RequestName, offset: number, entry: LedgerEntry, writtenBytes: number): void {
    const partition = this.#partition(name.partition)
    const madeMs = entry.requests.at(-1)?.arrivedMs ?? 0
    partition.index.put(name.digest, offset, madeMs, this.#expiredMs)
    this.#recent.put(name.text, offset, entry, writtenBytes)
    const isFarBehind = partition.position >= 0 && offset - partition.position > UNREAD_MAX
    if (isFarBehind && partition.reading === undefined) this.#read(name.partition).catch(() => {})
  }

  /** False before it was caught up with the first time, and again where all that was known is lost. */
  isRead({ partition }: RequestName): boolean {
    return (this.#partitions.get(partition)?.position ?? -1) >= 0 && !this.#isReplaced
  }

  /**
   * Knows afterwards of all that was committed before this was called. Rejects with a BrokerError, also where it takes
   * longer than it may: it is read on then.
   */
  async catchUp(name: RequestName, waitMs = SILENCE_MS): Promise<void> {
    const deadline = this.#options.clock.monotonic() + waitMs
    const partition = this.#partition(name.partition)
    // One that is under way may have asked for the end too early.
    if (partition.reading !== undefined)
      await this.#within(
        deadline,
        name,
        partition.reading.catch(() => {}),
      )
    await this.#within(deadline, name, this.#partition(name.partition).reading ?? this.#read(name.partition))
  }

  #within(deadline: number, name: RequestName, work: Promise<void>): Promise<void> {
    const { clock, topic } = this.#options
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(Math.max(0, deadline - clock.monotonic()), () => {
        reject(ledgerUnread(topic, progressOf(this.#partition(name.partition))))
      })
      work.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  #partition(number: number): OpenPartition {
    let partition = this.#partitions.get(number)
    if (partition === undefined) this.#partitions.set(number, (partition = new LedgerPartition()))
    return partition
  }

  #read(number: number): Promise<void> {
    this.#followTopic()
    const partition = this.#partition(number)
    const reading = this.#readToEnd(number, partition).finally(() => (partition.reading = undefined))
    partition.reading = reading
    // Those who wait are told.
    reading.catch(() => {})
    return reading
  }

  get #isReplaced(): boolean {
    const { topicId } = this.#options.log
    return topicId !== undefined && topicId !== this.#topicId
  }

  /** Offsets of another topic of that name mean nothing, and what was told in the one before is lost. */
  #followTopic(): void {
    const { log, topic, logger } = this.#options
    if (!this.#isReplaced) return
    if (this.#topicId !== undefined) {
      logger.error(
        { topic, producerCount: this.count },
        'a topic of the gateways was deleted and made again: earlier requests are not known again any more',
      )
    }
    this.#topicId = log.topicId
    this.#partitions.clear()
    this.#recent.clear()
  }

  async #readToEnd(number: number, partition: OpenPartition): Promise<void> {
    const { log, logger, topic } = this.#options
    const topicId = this.#topicId
    const { position } = partition
    const isFirst = position < 0
    // Asked before where to begin: what comes meanwhile is behind it.
    const [end] = await Promise.all([log.end(number), isFirst ? Promise.resolve() : this.#readOn(number, partition)])
    if (isFirst) {
      const first = await log.firstSince(number, this.#expiredMs)
      partition.begin = partition.position = first ?? end
    }
    partition.end = end
    // What is read beside it may be younger than the end.
    if (end < position) {
      logger.error({ topic, partition: number, end, position }, 'a topic of the gateways was cut')
      this.#partitions.delete(number)
      throw ledgerUnread(topic)
    }
    await this.#readUpTo(end, number, partition)
    if (this.#topicId !== topicId || log.topicId !== topicId) throw ledgerUnread(topic)
  }

  async #readUpTo(end: number, number: number, partition: OpenPartition): Promise<void> {
    const { clock, stopping, topic } = this.#options
    let silentSince = clock.monotonic()
    while (partition.position < end) {
      const before = partition.position
      await this.#readOn(number, partition)
      if (partition.position > before) {
        silentSince = clock.monotonic()
        continue
      }
      // A leader that is new to it may take a moment.
      if (clock.monotonic() - silentSince > SILENCE_MS || stopping.aborted) throw ledgerUnread(topic)
      await pause(SILENCE_STEP_MS, clock, stopping)
    }
  }

  async #readOn(number: number, partition: OpenPartition): Promise<void> {
    const { log } = this.#options
    const { position } = partition
    const records = await log.read(number, position, READ_BYTES)
    if (records !== undefined) return partition.take(records, this.#expiredMs)
    const start = await log.firstSince(number, 0)
    if (start !== undefined && start > position) partition.position = start
  }

  async #readEntry(name: RequestName, offset: number): Promise<LedgerEntry | undefined> {
    const { log, topic } = this.#options
    const records = await log.read(name.partition, offset, 1)
    const value = records && valueAt(records, offset, name.text)
    if (value === undefined) return undefined
    const entry = readLedgerEntry(value)
    if (entry === undefined) throw entryUnreadable(topic, whoIs(name))
    this.#recent.put(name.text, offset, entry, value.length)
    return entry
  }

  get #expiredMs(): number {
    return this.#options.clock.now() - this.#options.lifetimeMs - CLOCK_DIFFERENCE_MS
  }

  #isExpired({ partition, digest }: RequestName): boolean {
    const { clock, lifetimeMs } = this.#options
    return this.#partition(partition).index.madeAt(digest) < clock.now() - lifetimeMs
  }
}

function whoIs({ text }: RequestName): string {
  return text.split(' ').slice(1).join(' ')
}

function progressOf({ begin, position, end }: LedgerPartition): string {
  if (position < 0 || end <= begin) return ''
  return `: ${Math.floor((100 * (position - begin)) / (end - begin))} % of it so far`
}

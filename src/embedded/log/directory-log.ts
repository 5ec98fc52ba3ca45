import assert from 'node:assert/strict'
import { BrokerError } from '../../broker/broker-error.ts'
import type { DirectoryStatistics } from '../../broker/engine-statistics.ts'
import type { Acks } from '../../broker/append-request.ts'
import type { Trouble } from '../../broker/engine.ts'
import type { CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { AppendFacts } from '../commit/append-facts.ts'
import type { LogAppend, LogAppended } from '../commit/log-append.ts'
import { QueuedAppend } from '../commit/queued-append.ts'
import { indexAdopted } from './adopted-partition.ts'
import { DirectoryCondition, type DirectoryState } from './directory-condition.ts'
import type { DirectoryLogOptions } from './directory-log-options.ts'
import { DirectoryWriters } from './directory-writers.ts'
import { PartitionDirectories } from './partition-directories.ts'
import { partitionDirectory } from './partition-directory.ts'
import { PartitionLog, type PartitionPlacement } from './partition-log.ts'
import { recoverDirectory } from './recovery.ts'
import type { DirectoryFacts } from '../producers/directory-facts.ts'
import type { SegmentChange } from './segment-change.ts'
import { emptySegmentFacts, Segment } from './segment.ts'
import { isDiskFull } from './storage-failure.ts'

/** All partitions of one log directory: the facade of its journal, segments, checkpoints and recovery. */
export class DirectoryLog {
  readonly #options: DirectoryLogOptions
  readonly #condition: DirectoryCondition
  readonly #directories: PartitionDirectories
  readonly #partitions = new Map<string, PartitionLog>()
  readonly #offline = new Map<PartitionLog, CheckpointPartition>()
  #unplaced: readonly CheckpointPartition[] = []
  /** Undefined where the directory could not be recovered. */
  #writers: DirectoryWriters | undefined
  #facts: DirectoryFacts | undefined
  #closing: Promise<void> | undefined
  /** Partitions are to go that take no appends any more: resolves when nobody else works in their directories. */
  beforeRemoval: (logs: ReadonlySet<PartitionLog>) => Promise<void> = async () => {}

  private constructor(options: DirectoryLogOptions) {
    this.#options = options
    this.#condition = new DirectoryCondition(options.path, options.logger, () => options.onTrouble?.())
    this.#directories = new PartitionDirectories({
      ...options,
      condition: this.#condition,
      releaseReserve: async () => (await this.#writers?.space.release()) === true,
    })
  }

  /** Recovers the directory. Never rejects for what is wrong with the disk: the log is then offline, and says why. */
  static async open(options: DirectoryLogOptions): Promise<DirectoryLog> {
    const log = new DirectoryLog(options)
    try {
      await log.#recover()
      await log.lookAtSpace()
    } catch (error) {
      log.#condition.takeOffline('it could not be recovered', error)
      for (const placement of options.placements) log.#add(log.#unrecovered(placement))
    }
    return log
  }

  async #recover(): Promise<void> {
    const { limits, reserve } = this.#options
    const options = {
      ...this.#options,
      journalFileBytes: limits.journalFileBytes,
      recoveryThreads: limits.recoveryThreads,
      ...(limits.producersFileMinBytes !== undefined && { producersFileMinBytes: limits.producersFileMinBytes }),
      jitter: this.#jitter,
    }
    const recovered = await recoverDirectory(options).catch(async (error: unknown) => {
      if (!isDiskFull(error)) throw error
      await reserve?.release()
      return recoverDirectory({ ...options, mayHoldRecords: true })
    })
    this.#facts = recovered.facts
    for (const log of recovered.logs) this.#add(log)
    for (const [log, stood] of recovered.offline) this.#offline.set(log, stood)
    this.#unplaced = recovered.unplaced
    for (const log of recovered.adopted) indexAdopted(log, this.#options.indexer)
    this.#writers = new DirectoryWriters(this.#options, this.#condition, recovered.journal, {
      partitions: () => this.#partitions.values(),
      offline: () => [...this.#offline.values(), ...this.#unplaced],
      facts: recovered.facts,
      jitter: this.#jitter,
    })
  }

  readonly #jitter = (): number => Buffer.from(this.#options.random(4)).readUInt32BE(0) / 2 ** 32

  #unrecovered(placement: PartitionPlacement): PartitionLog {
    const segments = [new Segment(this.#pathOf(placement), emptySegmentFacts(0, this.#options.clock.now()), 0)]
    const state = { segments, logEndOffset: 0, fenced: [] }
    return new PartitionLog(placement, this.#pathOf(placement), state, this.#condition.reason ?? 'not recovered')
  }

  #pathOf({ topic, partition }: PartitionPlacement): string {
    return partitionDirectory(this.path, topic, partition)
  }

  #add(log: PartitionLog): void {
    this.#partitions.set(keyOf(log.topicId, log.partition), log)
  }

  get path(): string {
    return this.#options.path
  }

  get state(): DirectoryState {
    return this.#condition.state
  }

  /** Why it is not online. */
  get reason(): string | undefined {
    return this.#condition.reason
  }

  /**
   * Parts of one request in this directory: all or nothing, in the order of calls. Resolves, in the order of the parts,
   * when durable (`all`), written (`1`) or queued (`0`); rejects with a `BrokerError` that says what was `stored`.
   *
   * @param facts made durable with the parts, or not at all
   */
  append(parts: readonly LogAppend[], acks: Acks, facts?: AppendFacts): Promise<readonly LogAppended[]> {
    const refusal = this.#refusal(parts)
    if (refusal) return Promise.reject(refusal)
    assert.ok(this.#writers)
    const request = new QueuedAppend(parts, acks, this.#options.clock.monotonic(), facts)
    this.#writers.committer.append(request)
    return request.answer
  }

  #refusal(parts: readonly LogAppend[]): BrokerError | undefined {
    if (this.#closing) {
      return new BrokerError('SERVER_STOPPING', 'The server is stopping: send the request again later.', {
        stored: 'no',
      })
    }
    if (this.#condition.state !== 'online') return this.#condition.error('no')
    for (const { log, batches } of parts) {
      if (log.offlineReason !== undefined) return offlinePartition(log, log.offlineReason)
      if (log.refusesAppends) return deletedTopic(log)
      const { segmentBytes } = log.config()
      const tooLarge = batches.find((batch) => batch.bytes.length > segmentBytes)
      if (tooLarge) return largerThanSegment(tooLarge.bytes.length, segmentBytes)
    }
    return undefined
  }

  /** Requests that came until then may not be known again, for the disk has lost what was known of them; 0 = none. */
  get factsLostMs(): number {
    return this.#facts?.lostMs ?? 0
  }

  /** What is known of requests cannot be read: the directory could not be recovered. */
  get factsAway(): boolean {
    return this.#facts === undefined
  }

  partition(topicId: string, partition: number): PartitionLog | undefined {
    return this.#partitions.get(keyOf(topicId, partition))
  }

  partitions(): Iterable<PartitionLog> {
    return this.#partitions.values()
  }

  /** Durable when it resolves: directory, `partition.metadata`, first segment. */
  async createPartition(placement: PartitionPlacement): Promise<PartitionLog> {
    const [log] = await this.createPartitions([placement])
    assert.ok(log)
    return log
  }

  /** As `createPartition` for many, with one sync of the log directory for all. In the order given. */
  async createPartitions(placements: readonly PartitionPlacement[]): Promise<readonly PartitionLog[]> {
    if (this.#condition.state !== 'online') throw this.#condition.error('no')
    await this.#directories.create(placements)
    return placements.map((placement) => {
      const facts = emptySegmentFacts(0, this.#options.clock.now())
      const segments = [new Segment(this.#pathOf(placement), facts, this.#jitter())]
      const log = new PartitionLog(placement, this.#pathOf(placement), { segments, logEndOffset: 0, fenced: [] })
      this.#add(log)
      return log
    })
  }

  /** Refuses appends at once; resolves when the topic's directories here are renamed (durably) and removed. */
  async dropTopic(topicId: string): Promise<void> {
    const logs = [...this.#partitions.values()].filter((log) => log.topicId === topicId)
    if (this.#writers) await this.#writers.forget(new Set(logs))
    else for (const log of logs) log.drop()
    await this.beforeRemoval(new Set(logs))
    for (const log of logs) {
      this.#partitions.delete(keyOf(topicId, log.partition))
      this.#offline.delete(log)
    }
    await this.#directories.remove(logs)
  }

  /** Resolves when all of the partition that is committed now is in its segments' files. */
  async layPending(log: PartitionLog): Promise<void> {
    if (!this.#writers || this.#condition.state !== 'online') throw this.#condition.error('no')
    await this.#writers.segments.flushPartition(log)
  }

  /** Replaces or removes segments of a partition: see `SegmentChanges.apply`. */
  async applyChange(log: PartitionLog, change: SegmentChange): Promise<boolean> {
    if (!this.#writers || this.#condition.state !== 'online') throw this.#condition.error('no')
    return this.#writers.changes.apply(log, change)
  }

  /** Begins a new segment: see `DirectoryWriters.rollActive`. */
  async rollActive(log: PartitionLog): Promise<boolean> {
    if (!this.#writers || this.#condition.state !== 'online') throw this.#condition.error('no')
    return this.#writers.rollActive(log)
  }

  /** Sees to it that `troubles` says whether the disk is full: nobody may have published since it is. */
  async lookAtSpace(): Promise<void> {
    await this.#writers?.committer.lookAtSpace()
  }

  /** Takes a checkpoint now. */
  async checkpoint(): Promise<void> {
    if (!this.#writers) throw this.#condition.error('no')
    await this.#writers.checkpointer.take('checkpoint')
  }

  statistics(): DirectoryStatistics {
    const { journal, committer, checkpointer, segments, space } = this.#writers ?? {}
    const { rounds = 0, appendedBytes = 0, directBytes = 0 } = committer?.committed ?? {}
    return {
      path: this.path,
      state: this.state,
      rounds,
      journalBytes: journal?.writtenBytes ?? 0,
      appendedBytes,
      directBytes,
      checkpoints: checkpointer?.taken ?? 0,
      durableLagBytes: committer?.waitingBytes ?? 0,
      pendingBytes: segments?.pendingBytes ?? 0,
      poisoned: this.state === 'read-only',
      freeBytes: space?.freeBytes ?? 0,
    }
  }

  /** What an operator has to know, most serious first. Reads go on where they can: traffic may come. */
  troubles(): readonly Trouble[] {
    const troubles: Trouble[] = []
    const add = (kind: string, detail: string): void => void troubles.push({ kind, detail, notReady: false })
    const { state, full, reason = 'the log says why' } = this.#condition
    if (state === 'offline') add('log-dir-offline', `${this.path} is offline: ${reason}`)
    if (state === 'read-only') add('log-dir-poisoned', `${this.path} is read-only until a restart: ${reason}`)
    if (full !== undefined) add('disk-full', `${this.path} takes no records: ${full}`)
    if (this.factsLostMs > 0) add('producers-lost', lostFacts(this.path, this.factsLostMs))
    for (const { topic, partition, fenced, offlineReason } of this.#partitions.values()) {
      if (offlineReason !== undefined && state !== 'offline') {
        add('partition-offline', `partition ${partition} of ${topic} is offline: ${offlineReason}`)
      }
      for (const { from, to } of fenced) {
        add('partition-fenced', `offsets ${from} to ${to - 1} of partition ${partition} of ${topic} are damaged`)
      }
    }
    return troubles
  }

  /** Refuses appends, ends those under way, lays all batches into their segments, takes a checkpoint marked clean. */
  close(): Promise<void> {
    this.#closing ??= this.#writers?.close() ?? Promise.resolve()
    return this.#closing
  }
}

function lostFacts(directory: string, lostMs: number): string {
  return (
    `${directory} has lost what was known of some requests with a Producer-Id or an Idempotency-Key that came before ` +
    `${new Date(lostMs).toISOString()}: sent again, they may be stored twice`
  )
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}

function largerThanSegment(batchBytes: number, segmentBytes: number): BrokerError {
  const detail = `A record batch of ${batchBytes} bytes is larger than segment.bytes=${segmentBytes}: send fewer records at once.`
  return new BrokerError('RECORD_LIST_TOO_LARGE', detail, { stored: 'no' })
}

function deletedTopic(log: PartitionLog): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `The topic "${log.topic}" is being deleted.`, { stored: 'no' })
}

function offlinePartition(log: PartitionLog, reason: string): BrokerError {
  return new BrokerError('KAFKA_STORAGE_ERROR', `Partition ${log.partition} of "${log.topic}" is offline: ${reason}`, {
    stored: 'no',
    retryAfterSeconds: 30,
  })
}

import assert from 'node:assert/strict'
import type { DirectoryStatistics } from '../../broker/engine-statistics.ts'
import type { Acks, EncodedBatch, Trouble } from '../../broker/engine.ts'
import type { DirectoryLogOptions } from './directory-log-options.ts'
import type { PartitionLog, PartitionPlacement } from './partition-log.ts'

export interface LogAppend {
  readonly log: PartitionLog
  /** At least one. Taken over: patched in place. */
  readonly batches: readonly EncodedBatch[]
}

export interface LogAppended {
  /** −1 under `acks=0`. */
  readonly baseOffset: number
  /** Unix milliseconds under LogAppendTime, else −1. */
  readonly logAppendTime: number
}

export type DirectoryState = 'online' | 'read-only' | 'offline'

/** All partitions of one log directory: the facade of its journal, segments, checkpoints and recovery. */
export class DirectoryLog {
  /** Recovers the directory. Never rejects for what is wrong with the disk: the log is then offline, and says why. */
  static open(_options: DirectoryLogOptions): Promise<DirectoryLog> {
    assert.fail()
  }

  get path(): string {
    assert.fail()
  }

  get state(): DirectoryState {
    assert.fail()
  }

  /** Why it is not online. */
  get reason(): string | undefined {
    assert.fail()
  }

  /**
   * Parts of one request in this directory: all or nothing, in the order of calls. Resolves, in the order of the parts,
   * when durable (`all`), written (`1`) or queued (`0`); rejects with a `BrokerError` that says what was `stored`.
   */
  append(_parts: readonly LogAppend[], _acks: Acks): Promise<readonly LogAppended[]> {
    assert.fail()
  }

  partition(_topicId: string, _partition: number): PartitionLog | undefined {
    assert.fail()
  }

  partitions(): Iterable<PartitionLog> {
    assert.fail()
  }

  /** Durable when it resolves: directory, `partition.metadata`, first segment. */
  createPartition(_placement: PartitionPlacement): Promise<PartitionLog> {
    assert.fail()
  }

  /** As `createPartition` for many, with one sync of the log directory for all. In the order given. */
  createPartitions(_placements: readonly PartitionPlacement[]): Promise<readonly PartitionLog[]> {
    assert.fail()
  }

  /** Refuses appends at once; resolves when the topic's directories here are renamed (durably) and removed. */
  dropTopic(_topicId: string): Promise<void> {
    assert.fail()
  }

  /** Takes a checkpoint now. */
  checkpoint(): Promise<void> {
    assert.fail()
  }

  statistics(): DirectoryStatistics {
    assert.fail()
  }

  troubles(): readonly Trouble[] {
    assert.fail()
  }

  /** Refuses appends, ends those under way, lays all batches into their segments, takes a checkpoint marked clean. */
  close(): Promise<void> {
    assert.fail()
  }
}

import type { Checkpoint, CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { PartitionPlacement } from './partition-log.ts'
import type { ScannedEntry } from './partition-recovery.ts'
import { emptySegmentFacts } from './segment.ts'

type PartitionNumber = Pick<PartitionPlacement, 'topicId' | 'partition'>

/** What checkpoint and rounds say, by partition. */
export class PartitionWork {
  readonly #checkpoints = new Map<string, CheckpointPartition>()
  readonly #entries = new Map<string, ScannedEntry[]>()

  constructor(checkpoint: Checkpoint, entries: readonly ScannedEntry[]) {
    for (const partition of checkpoint.partitions) this.#checkpoints.set(checkpointPartitionKey(partition), partition)
    for (const scanned of entries) {
      const key = checkpointPartitionKey(scanned.entry)
      const known = this.#entries.get(key)
      if (known) known.push(scanned)
      else this.#entries.set(key, [scanned])
    }
  }

  checkpointOf(placement: PartitionNumber): CheckpointPartition | undefined {
    return this.#checkpoints.get(keyOfPlacement(placement))
  }

  entriesOf(placement: PartitionNumber): readonly ScannedEntry[] {
    return this.#entries.get(keyOfPlacement(placement)) ?? []
  }

  /** Nothing was committed to it behind the checkpoint: its files are looked at, not written. */
  isIdle(placement: PartitionNumber): boolean {
    return !this.#entries.has(keyOfPlacement(placement))
  }

  /** As checkpoints go on carrying it while it cannot be recovered. */
  standOf(placement: PartitionNumber): CheckpointPartition {
    return this.checkpointOf(placement) ?? untouched(Buffer.from(placement.topicId, 'base64url'), placement.partition)
  }

  /** The partitions that are spoken of beside these, as far as they ever had records. */
  besides(placements: readonly PartitionNumber[]): CheckpointPartition[] {
    const placed = new Set(placements.map(keyOfPlacement))
    const others: CheckpointPartition[] = []
    for (const [key, checkpoint] of this.#checkpoints) {
      if (!placed.has(key) && (checkpoint.logEndOffset > 0 || this.#entries.has(key))) others.push(checkpoint)
    }
    for (const [key, [first]] of this.#entries) {
      if (!first || placed.has(key) || this.#checkpoints.has(key)) continue
      others.push(untouched(first.entry.topicIdBytes, first.entry.partition))
    }
    return others
  }
}

function untouched(topicIdBytes: Buffer, partition: number): CheckpointPartition {
  const segments = [emptySegmentFacts(0, 0)]
  // A copy: it outlives the frame it was read from.
  return {
    topicIdBytes: Buffer.from(topicIdBytes),
    partition,
    logEndOffset: 0,
    firstDirtyOffset: 0,
    segments,
    fenced: [],
  }
}

/** `<topic id>-<partition>` */
export function checkpointPartitionKey({
  topicIdBytes,
  partition,
}: {
  topicIdBytes: Buffer
  partition: number
}): string {
  return `${topicIdBytes.toString('base64url')}-${partition}`
}

function keyOfPlacement({ topicId, partition }: PartitionNumber): string {
  return `${topicId}-${partition}`
}

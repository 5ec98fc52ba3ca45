import type { Checkpoint, CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { HeldPartition } from './held-rounds.ts'
import type { PartitionPlacement } from './partition-log.ts'
import type { ScannedEntry } from './partition-recovery.ts'
import { emptySegmentFacts } from './segment.ts'

/** What checkpoint and rounds say, by partition. */
export class PartitionWork {
  readonly #checkpoints = new Map<string, CheckpointPartition>()
  readonly #entries = new Map<string, ScannedEntry[]>()

  constructor(checkpoint: Checkpoint, entries: readonly ScannedEntry[]) {
    for (const partition of checkpoint.partitions) this.#checkpoints.set(keyOf(partition), partition)
    for (const scanned of entries) {
      const key = keyOf(scanned.entry)
      const known = this.#entries.get(key)
      if (known) known.push(scanned)
      else this.#entries.set(key, [scanned])
    }
  }

  checkpointOf(placement: PartitionPlacement): CheckpointPartition | undefined {
    return this.#checkpoints.get(keyOfPlacement(placement))
  }

  entriesOf(placement: PartitionPlacement): readonly ScannedEntry[] {
    return this.#entries.get(keyOfPlacement(placement)) ?? []
  }

  /** Nothing was committed to it behind the checkpoint: its files are looked at, not written. */
  isIdle(placement: PartitionPlacement): boolean {
    return !this.#entries.has(keyOfPlacement(placement))
  }

  heldFor(placement: PartitionPlacement): HeldPartition {
    const untouched: CheckpointPartition = {
      topicIdBytes: Buffer.from(placement.topicId, 'base64url'),
      partition: placement.partition,
      logEndOffset: 0,
      firstDirtyOffset: 0,
      segments: [emptySegmentFacts(0, 0)],
      fenced: [],
    }
    return { checkpoint: this.checkpointOf(placement) ?? untouched, entries: this.entriesOf(placement) }
  }
}

function keyOf({ topicIdBytes, partition }: { topicIdBytes: Buffer; partition: number }): string {
  return `${topicIdBytes.toString('base64url')}-${partition}`
}

function keyOfPlacement({ topicId, partition }: PartitionPlacement): string {
  return `${topicId}-${partition}`
}

import type { Checkpoint, CheckpointPartition } from '../commit/checkpoint-section.ts'
import type { HeldPartition } from './held-rounds.ts'
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

  heldFor(placement: PartitionNumber): HeldPartition {
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

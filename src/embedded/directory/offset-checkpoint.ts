import type { FileSystem } from '../file-system.ts'
import { replaceFile } from './replace-file.ts'

export interface CheckpointEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * Kafka's text checkpoints (org.apache.kafka.storage.internals.checkpoint.CheckpointFile), written at a clean stop for
 * Kafka's tools; nothing of ours reads them. A version, the number of entries, then `topic partition offset` a line.
 */
export function encodeOffsetCheckpoint(entries: readonly CheckpointEntry[]): string {
  const lines = entries.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}\n`)
  return `0\n${entries.length}\n${lines.join('')}`
}

export function writeOffsetCheckpoint(
  fileSystem: FileSystem,
  directory: string,
  name: 'recovery-point-offset-checkpoint' | 'log-start-offset-checkpoint' | 'replication-offset-checkpoint',
  entries: readonly CheckpointEntry[],
): Promise<void> {
  return replaceFile(fileSystem, directory, name, Buffer.from(encodeOffsetCheckpoint(entries)))
}

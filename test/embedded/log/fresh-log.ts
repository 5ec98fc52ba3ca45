import type { DirectoryLog } from '../../../src/embedded/log/directory-log.ts'
import { batchOf } from '../../support/engine-records.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { newDisk, openLog, partitionOf, placementOf, recordsIn } from '../../support/log-directory-fixture.ts'
import type { MemoryFileSystem } from '../../support/memory-file-system.ts'

export const JOURNALS = /journal-[01]$/

export async function fresh(partitions = 1, overrides: Record<string, string> = {}) {
  const disk = await newDisk()
  const clock = new FakeClock()
  const log = await openLog(disk, [], { clock })
  const placements = Array.from({ length: partitions }, (_, partition) => placementOf(partition, overrides))
  await log.createPartitions(placements)
  return { disk, clock, log, placements }
}

export function put(log: DirectoryLog, partition: number, values: readonly string[], acks: 'all' | '1' | '0' = 'all') {
  return log.append([{ log: partitionOf(log, partition), batches: [batchOf(values)] }], acks)
}

export async function valuesIn(disk: MemoryFileSystem, log: DirectoryLog, partition = 0): Promise<string[]> {
  return (await recordsIn(disk, partitionOf(log, partition))).map(({ value }) => value)
}

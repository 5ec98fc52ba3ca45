import type { DirectoryStatistics, EngineStatistics } from '../broker/engine-statistics.ts'
import type { LogDirDescription, ScrubDescription } from '../broker/log-dir-description.ts'
import type { Trouble } from '../broker/engine.ts'
import type { DirectoryHost } from './directory-host.ts'
import type { LogDirectory } from './directory/log-directory.ts'
import type { Storage } from './storage.ts'
import { straysDetail } from './stray-partition.ts'

export async function describeLogDirs(
  { directories, hosts, catalogue }: Storage,
  scrubOf: (host: DirectoryHost) => ScrubDescription,
): Promise<LogDirDescription[]> {
  // A directory whose space cannot be told is shown with the figures known last.
  await Promise.allSettled(directories.map((directory) => directory.refreshSpace()))
  const placed = new Map<string, number>()
  for (const { partitions } of catalogue.topics.values()) {
    for (const { directoryId } of partitions) placed.set(directoryId, (placed.get(directoryId) ?? 0) + 1)
  }
  const described = directories.map((directory) => {
    const host = hosts.find((candidate) => candidate.directory === directory)
    const { state, reason } = conditionOf(directory, host)
    let sizeBytes = 0
    for (const partition of host?.log.partitions() ?? []) sizeBytes += partition.sizeBytes
    return {
      path: directory.path,
      state,
      ...(reason !== undefined && { reason }),
      totalBytes: directory.totalBytes,
      freeBytes: directory.freeBytes,
      partitionCount: placed.get(directory.directoryId) ?? 0,
      sizeBytes,
      ...(host && { scrub: scrubOf(host) }),
    }
  })
  return described.sort((one, other) => (one.path < other.path ? -1 : 1))
}

export function engineTroubles({ directories, hosts, catalogue, strays }: Storage): Trouble[] {
  const troubles: Trouble[] = []
  const noneServes = !hosts.some(({ directory, log }) => conditionOf(directory, { log }).state !== 'offline')
  for (const directory of directories) {
    if (directory.online) continue
    troubles.push({
      kind: 'log-dir-offline',
      detail: `log directory ${directory.path} is offline: ${directory.offlineReason}`,
      notReady: noneServes,
    })
  }
  for (const host of hosts) troubles.push(...host.log.troubles(), ...damageTroubles(host))
  if (catalogue.rebuiltMs !== undefined) {
    troubles.push({ kind: 'catalogue-rebuilt', detail: rebuiltDetail(catalogue.rebuiltMs), notReady: false })
  }
  const unexplained = straysDetail(strays)
  if (unexplained !== undefined) troubles.push({ kind: 'partitions-unknown', detail: unexplained, notReady: false })
  if (catalogue.failure !== undefined) {
    troubles.push({ kind: 'catalogue-failed', detail: catalogue.failure, notReady: false })
  }
  return troubles
}

function rebuiltDetail(rebuiltMs: number): string {
  return (
    `the catalogue was rebuilt from directories at ${new Date(rebuiltMs).toISOString()}: topics have lost their ` +
    'settings, and nothing is removed by retention or compaction. Set the topics up, then restart the server once with ' +
    'catalogue.rebuild.accept=true.'
  )
}

/** Damage that reads have met, those in the background included. What recovery has met is fenced, and told by the log. */
function damageTroubles({ log, reader }: DirectoryHost): Trouble[] {
  const troubles: Trouble[] = []
  for (const { topic, topicId, partition, from, to } of reader.damage) {
    // What was deleted since, or has left the log, is nobody's loss any more.
    const held = log.partition(topicId, partition)
    if (!held || to <= held.logStartOffset) continue
    const detail = `offsets ${from} to ${to - 1} of partition ${partition} of ${topic} are damaged on the disk`
    troubles.push({ kind: 'partition-damaged', detail, notReady: false })
  }
  return troubles
}

export function engineStatistics({
  directories,
  hosts,
  table,
  files,
  requests,
}: Storage): Omit<EngineStatistics, 'keeping' | 'scrubs' | 'shed'> {
  let partitionCount = 0
  for (const topic of table.sorted()) partitionCount += topic.slots.length
  let fencedPartitions = 0
  for (const { log } of hosts) for (const { fenced } of log.partitions()) if (fenced.length > 0) fencedPartitions++
  return {
    directories: directories.map((directory) => statisticsOf(directory, hosts)),
    partitionCount,
    topicCount: table.size,
    openFiles: files.count,
    producerStateBytes: requests.sizeBytes,
    fencedPartitions,
  }
}

function statisticsOf(directory: LogDirectory, hosts: readonly DirectoryHost[]): DirectoryStatistics {
  const host = hosts.find((candidate) => candidate.directory === directory)
  if (host && directory.online) return host.log.statistics()
  return {
    path: directory.path,
    state: 'offline',
    rounds: 0,
    journalBytes: 0,
    appendedBytes: 0,
    directBytes: 0,
    checkpoints: 0,
    durableLagBytes: 0,
    pendingBytes: 0,
    poisoned: false,
    freeBytes: directory.freeBytes,
  }
}

function conditionOf(
  directory: LogDirectory,
  host: Pick<DirectoryHost, 'log'> | undefined,
): { readonly state: LogDirDescription['state']; readonly reason: string | undefined } {
  if (!host || !directory.online) return { state: 'offline', reason: directory.offlineReason }
  return { state: host.log.state, reason: host.log.reason }
}

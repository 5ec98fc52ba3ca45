import type { LogDirectory } from './directory/log-directory.ts'
import type { SegmentIndex } from './index/segment-index.ts'
import type { DirectoryLog } from './log/directory-log.ts'
import type { PartitionReader } from './log/partition-reader.ts'

/** An online log directory at work: its partitions' logs, and how they are read. */
export interface DirectoryHost {
  readonly directory: LogDirectory
  readonly log: DirectoryLog
  readonly index: SegmentIndex
  readonly reader: PartitionReader
}

/** Takes new partitions: neither offline nor poisoned. */
export function isWritable(host: DirectoryHost): boolean {
  return host.directory.online && host.log.state === 'online'
}

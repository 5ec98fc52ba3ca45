/**
 * The partition of `__consumer_offsets` that holds a group: Java's `String.hashCode` over UTF-16 units, made positive as
 * Kafka's `Utils.abs` does (the smallest integer becomes 0), modulo the number of partitions (`GroupCoordinatorService.partitionFor`).
 */
export function groupPartition(group: string, partitionCount: number): number {
  let hash = 0
  for (let at = 0; at < group.length; at++) hash = (Math.imul(hash, 31) + group.charCodeAt(at)) | 0
  const positive = hash === -0x8000_0000 ? 0 : Math.abs(hash)
  return positive % partitionCount
}
